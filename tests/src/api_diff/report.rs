//! How many answers were compared, how many were equal, and which were not.

use std::fmt;

use super::known;
use super::normalize::first_difference;
use super::wire::{Pair, Reply, Wire};

/// Two answers that are not equal.
#[derive(Clone, Debug)]
pub struct Difference {
    /// What was asked.
    pub request: String,
    /// Where the answers differ.
    pub place: String,
    /// The last writes to the same object, oldest first.
    pub trail: Vec<String>,
    /// Heading of the line of COMPATIBILITY.md that says so; `None`: nobody knew.
    pub known: Option<&'static str>,
}

/// The equality report.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Name of the suite.
    pub name: String,
    /// Answers compared.
    pub compared: usize,
    /// Of them, errors on both sides.
    pub errors: usize,
    /// Errors with the same status and reason and with other words.
    pub other_words: usize,
    /// Examples of them.
    pub words: Vec<String>,
    /// Those that were not equal.
    pub different: Vec<Difference>,
    /// What was sent, for the trail of a difference.
    sent: Vec<String>,
}

impl Report {
    /// An empty report.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// Counts one pair of answers; gives whether they are equal.
    pub fn compare(&mut self, wire: &Wire, embedded: &Reply, real: &Reply) -> bool {
        self.compared += 1;
        let request = format!("{} {} {} {}", wire.method, wire.path, wire.content_type, clip(&wire.body.to_string()));
        self.sent.push(format!("{} {request}", real.code));
        let (a, b) = Pair::comparable(embedded, real);
        self.errors += usize::from(!embedded.ok() && !real.ok());
        let Some(place) = first_difference(&a, &b) else {
            if !real.ok() && embedded.message() != real.message() {
                self.other_words += 1;
                self.words.push(format!("embedded {:?}\n      real     {:?}", embedded.message(), real.message()));
            }
            return true;
        };
        let place = match (embedded.ok(), real.ok()) {
            (true, true) => place,
            _ => format!(
                "embedded {} {:?} {:?}; real {} {:?} {:?}",
                embedded.code,
                embedded.reason(),
                clip(embedded.message()),
                real.code,
                real.reason(),
                clip(real.message())
            ),
        };
        let path = wire.path.split('?').next().unwrap_or_default();
        let of_object = |s: &&String| s.starts_with('2') && !s[4..].starts_with("GET") && s.contains(path);
        let mut trail: Vec<String> = self.sent.iter().rev().skip(1).filter(of_object).take(6).cloned().collect();
        trail.reverse();
        // A write that went differently shows in the read that follows it.
        let follows = wire.method == http::Method::GET
            && self.different.last().is_some_and(|d| {
                d.known.is_some() && self.sent.iter().rev().nth(1).is_some_and(|s| s.contains(&d.request))
            });
        let known =
            known::explain(wire, &place).or_else(|| self.different.last().filter(|_| follows).and_then(|d| d.known));
        self.different.push(Difference { known, request, place, trail });
        false
    }

    /// Adds another report.
    pub fn add(&mut self, other: Report) {
        self.compared += other.compared;
        self.errors += other.errors;
        self.other_words += other.other_words;
        self.words.extend(other.words);
        self.different.extend(other.different);
    }

    /// Part of the answers that are equal; 1 when nothing was compared.
    #[must_use]
    pub fn equality(&self) -> f64 {
        if self.compared == 0 {
            return 1.0;
        }
        1.0 - self.different.len() as f64 / self.compared as f64
    }

    /// Differences that COMPATIBILITY.md does not name.
    pub fn unexplained(&self) -> impl Iterator<Item = &Difference> {
        self.different.iter().filter(|d| d.known.is_none())
    }
}

fn clip(text: &str) -> String {
    if text.len() <= 900 { text.to_owned() } else { text.chars().take(900).chain("…".chars()).collect() }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{}: compared {}, equal {}, different {} ({:.2} % equal); {} were errors on both, {} of them in other words",
            self.name,
            self.compared,
            self.compared - self.different.len(),
            self.different.len(),
            self.equality() * 100.0,
            self.errors,
            self.other_words,
        )?;
        for d in &self.different {
            writeln!(f, "  [{}] {}\n      {}", d.known.unwrap_or("NOT KNOWN"), d.place, d.request)?;
            for request in &d.trail {
                writeln!(f, "        before: {request}")?;
            }
        }
        Ok(())
    }
}
