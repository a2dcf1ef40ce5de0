//! Self-contained HTML pages: one file, no request to anywhere, safe against markup in what is shown.
//!
//! Text goes through [`text`], which is the only way into a page; styles are one sheet whose digest stands in the page's
//! Content-Security-Policy, so that nothing else can style, run or load anything. There are no scripts.

mod deploy;
mod diff;

use base64::Engine as _;
use sha2::{Digest, Sha256};

pub use deploy::{DeployPage, deploy_page};
pub use diff::changes_html;

/// The one style sheet.
const STYLE: &str = include_str!("style.css");

/// Escapes a text for element content and quoted attributes. Characters that reorder or hide text are shown by number.
#[must_use]
pub fn text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(c),
            c if is_deceptive(c) => out.push_str(&format!("⟨U+{:04X}⟩", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}

/// Whether a character is invisible, controls the terminal, or changes the order in which others are shown.
#[must_use]
pub fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}' | '\u{2028}' | '\u{2029}')
}

/// A whole page. `title` is text, `body` is HTML made with [`text`].
#[must_use]
pub fn page(title: &str, language: &str, body: &str) -> String {
    let digest = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(STYLE));
    let policy = format!("default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'");
    let (title, language, policy) = (text(title), text(language), text(&policy));
    format!(
        "<!DOCTYPE html>\n<html lang=\"{language}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"referrer\" content=\"no-referrer\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <a class=\"skip\" href=\"#main\">Skip to the content</a>\n{body}</body>\n</html>\n"
    )
}

/// What colour a badge has; the word on it says the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// As it should be.
    Good,
    /// Under way, or worth a look.
    Warn,
    /// Broken.
    Bad,
    /// Neither.
    Plain,
}

impl Tone {
    /// The class in the style sheet.
    #[must_use]
    pub fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Warn => "warn",
            Self::Bad => "bad",
            Self::Plain => "plain",
        }
    }
}

/// A word in a coloured box.
#[must_use]
pub fn badge(tone: Tone, word: &str) -> String {
    format!("<span class=\"badge {}\">{}</span>", tone.class(), text(word))
}

/// The head of a page: what it is about, a badge, and a line of facts.
#[must_use]
pub fn header(title: &str, badge: &str, facts: &[(&str, String)]) -> String {
    let facts: String = facts
        .iter()
        .map(|(name, value)| format!("<div><dt>{}</dt><dd>{}</dd></div>", text(name), text(value)))
        .collect();
    format!(
        "<header>\n<p class=\"brand\">plate-deploy</p>\n<h1>{} {badge}</h1>\n<dl class=\"facts\">{facts}</dl>\n</header>\n",
        text(title)
    )
}

/// A section with a heading and an id that the page's contents link to.
#[must_use]
pub fn section(id: &str, title: &str, body: &str) -> String {
    let (id, title) = (text(id), text(title));
    format!(
        "<section id=\"{id}\" aria-labelledby=\"{id}-title\">\n<h2 id=\"{id}-title\">{title}</h2>\n{body}</section>\n"
    )
}

/// Links to the sections of a page.
#[must_use]
pub fn contents(sections: &[(&str, &str)]) -> String {
    let links: String =
        sections.iter().map(|(id, title)| format!("<li><a href=\"#{}\">{}</a></li>", text(id), text(title))).collect();
    format!("<nav aria-label=\"Contents\"><ul>{links}</ul></nav>\n")
}

/// A table that scrolls by itself where it is too wide. Headings are text, cells are HTML.
#[must_use]
pub fn table(caption: &str, headings: &[&str], rows: &[Vec<String>]) -> String {
    let head: String = headings.iter().map(|heading| format!("<th scope=\"col\">{}</th>", text(heading))).collect();
    let body: String = rows
        .iter()
        .map(|row| format!("<tr>{}</tr>\n", row.iter().map(|cell| format!("<td>{cell}</td>")).collect::<String>()))
        .collect();
    let caption = text(caption);
    format!(
        "<div class=\"scroll\" role=\"region\" aria-label=\"{caption}\" tabindex=\"0\"><table><caption>{caption}</caption>\
         <thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody></table></div>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::{page, text};

    #[test]
    fn nothing_gets_out_of_a_text() {
        let hostile = "<script>alert('x')</script>\" onload=\"\u{202e}&\u{0}\u{1b}[31m";
        let escaped = text(hostile);
        assert!(!escaped.contains(['<', '>', '"', '\'', '\u{202e}', '\0', '\u{1b}']), "{escaped}");
        assert!(escaped.contains("⟨U+202E⟩"));
        let html = page(hostile, "en", "<main id=\"main\"></main>");
        assert!(!html.contains("<script"), "{html}");
        for foreign in ["http://", "https://", "url(", "@import", "src="] {
            assert!(!html.contains(foreign), "{foreign}");
        }
    }
}
