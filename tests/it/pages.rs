//! The pages, looked at in a real browser: Chromium, headless, without a network.
//!
//! Layout is measured, not guessed: the page is loaded in a frame of the width in question, and a probe outside of it (the
//! pages themselves run no scripts) reads sizes, focus order and landmarks. NOT RUN without Chromium.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use plate_deploy_core::graph::draw;
use plate_deploy_core::model::{HealthCode, HealthStatus, ResourceKey, SyncCode};
use plate_deploy_core::pipeline::DeployRequest;
use plate_deploy_core::report::html::{DeployPage, deploy_page};
use plate_deploy_core::report::{Diagnostic, Event, NoReporter, ResourceReport, Severity, TimedEvent, TimedRecorder};
use plate_deploy_tests::platform::{Platform, recorded_cluster};
use serde_json::Value;

const HOSTILE: &str =
    "</code></pre><script>document.title='pwned'</script><img src=x onerror=\"document.title='pwned'\">\u{202e}";

fn chromium() -> Option<PathBuf> {
    let named = env::var_os("PLATE_CHROMIUM").map(PathBuf::from);
    let paths = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].map(PathBuf::from);
    let found = named.into_iter().chain(paths).find(|path| path.exists());
    if found.is_none() {
        println!("NOT RUN: pages in a browser: Chromium is not installed (apt-get install chromium)");
    }
    found
}

/// Runs Chromium on a file; gives its standard output.
fn browse(chromium: &Path, file: &Path, more: &[&str]) -> String {
    let profile = tempfile::tempdir().unwrap();
    let output = Command::new(chromium)
        .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--disable-dev-shm-usage"])
        // No request may leave; a page that tried would fail here and in the test below.
        .args(["--host-resolver-rules=MAP * ~NOTFOUND", "--allow-file-access-from-files", "--virtual-time-budget=4000"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .args(more)
        .arg(format!("file://{}", file.display()))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What the probe saw of a page at a width.
fn probe(chromium: &Path, folder: &Path, page: &str, width: usize) -> Value {
    let probe = folder.join("probe.html");
    let script = r##"
      const frame = document.getElementById('f');
      frame.onload = () => {
        const d = frame.contentDocument, w = frame.contentWindow;
        const shown = (e) => e.getClientRects().length > 0 && !e.closest('details:not([open]) > :not(summary)');
        const focusable = [...d.querySelectorAll('a[href], summary, [tabindex="0"]')].filter(shown);
        const ids = [...d.querySelectorAll('a[href^="#"]')].map(a => a.getAttribute('href').slice(1));
        const over = [...d.querySelectorAll('body *')].filter(e => !e.closest('.scroll, pre, .skip, svg, caption') && !e.matches('.scroll, pre')
          && e.getBoundingClientRect().right > w.innerWidth + 1).map(e => e.tagName + '.' + e.className).slice(0, 5);
        const found = {
          title: d.title, scroll: d.documentElement.scrollWidth, client: d.documentElement.clientWidth, over,
          lang: d.documentElement.lang,
          h1: d.querySelectorAll('h1').length, main: d.querySelectorAll('main').length,
          header: d.querySelectorAll('header').length, nav: d.querySelectorAll('nav[aria-label]').length,
          sections: d.querySelectorAll('section').length,
          labelled: [...d.querySelectorAll('section')].filter(s => d.getElementById(s.getAttribute('aria-labelledby'))).length,
          first: focusable.length ? focusable[0].className : '',
          forward: focusable.every((e, i) => i == 0 || focusable[i-1].compareDocumentPosition(e) & 4),
          positive: [...d.querySelectorAll('[tabindex]')].filter(e => e.tabIndex > 0).length,
          regions: [...d.querySelectorAll('.scroll')].every(e => e.tabIndex == 0 && e.getAttribute('aria-label')),
          captions: [...d.querySelectorAll('table')].every(t => t.caption && t.querySelector('th[scope]')),
          broken: ids.filter(id => !d.getElementById(id)), scripts: d.scripts.length, images: d.images.length,
          requests: w.performance.getEntriesByType('resource').length,
          colors: [w.getComputedStyle(d.body).color, w.getComputedStyle(d.body).backgroundColor],
        };
        document.getElementById('out').textContent = JSON.stringify(found);
      };"##;
    let html = format!(
        "<!DOCTYPE html><meta charset=utf-8><iframe id=f src=\"{page}\" width={width} height=900 style=\"border:0\"></iframe><pre id=out></pre><script>{script}</script>"
    );
    fs::write(&probe, html).unwrap();
    let dom = browse(chromium, &probe, &["--dump-dom", "--window-size=1600,1200"]);
    let text = dom.split("<pre id=\"out\">").nth(1).and_then(|rest| rest.split("</pre>").next()).unwrap_or_default();
    let text = text.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{page} at {width}: {e}: {dom}"))
}

/// A deploy that really ran, with hostile texts in every place.
async fn deploy_report() -> String {
    let platform = Platform::example().unwrap();
    let cluster = recorded_cluster().await.unwrap();
    let recorder = Arc::new(TimedRecorder::new(Arc::new(NoReporter)));
    let deployer = platform.deployer(&cluster).await.unwrap().reporter(recorder.clone());
    let mut report = deployer.deploy(DeployRequest::new("staging")).await.unwrap();
    let mut events = recorder.events();
    let plan = events.iter().find_map(|timed| match &timed.event {
        Event::Planned { plan } => Some((**plan).clone()),
        _ => None,
    });
    let mut plan = plan.unwrap();
    assert!(events.iter().any(|timed| matches!(timed.event, Event::Finished { .. })));
    report.summary.push_str(HOSTILE);
    report.findings.push(Diagnostic::new(Severity::Error, HOSTILE, HOSTILE).at(HOSTILE, Some(1)).remedy(HOSTILE));
    let app = &mut report.applications[0];
    app.name = HOSTILE.into();
    app.sync = SyncCode::OutOfSync;
    app.health = HealthStatus { status: HealthCode::Degraded, message: HOSTILE.repeat(5) };
    let key = ResourceKey { kind: HOSTILE.into(), name: HOSTILE.into(), ..ResourceKey::default() };
    app.resources.push(ResourceReport {
        key: key.clone(),
        sync: SyncCode::Synced,
        health: None,
        message: HOSTILE.into(),
    });
    plan.applications[0].changes[0].after.push_str(HOSTILE);
    plan.applications[0].changes[0].key = key;
    events.push(TimedEvent { at: Duration::from_secs(1), event: Event::Note { text: HOSTILE.into() } });
    deploy_page(DeployPage { report: &report, plan: Some(&plan), events: &events })
}

async fn relations() -> String {
    let platform = Platform::example().unwrap();
    let related = platform.repo().await.unwrap().offline().relations("HEAD", None).await.unwrap();
    draw::html(&related.graph, &draw::States::new(), &[])
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_readable_everywhere_and_safe() {
    let Some(chromium) = chromium() else { return };
    let dir = tempfile::tempdir().unwrap();
    let keep = env::var_os("PLATE_PAGES").map(PathBuf::from);
    for (name, html) in [("deploy.html", deploy_report().await), ("graph.html", relations().await)] {
        fs::write(dir.path().join(name), &html).unwrap();
        let mut colors = Vec::new();
        for width in [390, 1280] {
            let seen = probe(&chromium, dir.path(), name, width);
            let context = format!("{name} at {width}: {seen:#}");
            assert!(seen["scroll"].as_u64() <= seen["client"].as_u64(), "scrolls sideways: {context}");
            assert_eq!(seen["over"], serde_json::json!([]), "{context}");
            assert!(!seen["title"].as_str().unwrap().contains("pwned"), "{context}");
            for none in ["scripts", "images", "requests", "positive"] {
                assert_eq!(seen[none], 0, "{none}: {context}");
            }
            for one in ["h1", "main", "header", "nav"] {
                assert_eq!(seen[one], 1, "{one}: {context}");
            }
            assert_eq!(seen["sections"], seen["labelled"], "{context}");
            assert_eq!((&seen["first"], &seen["lang"]), (&"skip".into(), &"en".into()), "{context}");
            for yes in ["forward", "regions", "captions"] {
                assert!(seen[yes] == true, "{yes}: {context}");
            }
            assert_eq!(seen["broken"], serde_json::json!([]), "{context}");
            colors.push(seen["colors"].clone());
        }
        for (scheme, flags) in
            [("light", &[][..]), ("dark", &["--force-dark-mode", "--blink-settings=preferredColorScheme=0"][..])]
        {
            for (size, window) in [("phone", "--window-size=500,1400"), ("wide", "--window-size=1280,1600")] {
                let shot = dir.path().join(format!("{name}-{scheme}-{size}.png"));
                let to = format!("--screenshot={}", shot.display());
                browse(&chromium, &dir.path().join(name), &[flags, &[to.as_str(), window][..]].concat());
                let bytes = fs::read(&shot).unwrap();
                assert!(bytes.starts_with(b"\x89PNG") && bytes.len() > 10_000, "{}", shot.display());
                if let Some(folder) = &keep {
                    fs::copy(&shot, folder.join(shot.file_name().unwrap())).unwrap();
                }
            }
        }
        // Both schemes can be read: contrast of text on ground, from the style sheet itself.
        assert!(contrast(&colors[0]) >= 7.0, "{colors:?}");
        if let Some(folder) = &keep {
            fs::write(folder.join(name), &html).unwrap();
        }
    }
}

/// WCAG contrast of `[color, background]` as the browser computed them.
fn contrast(colors: &Value) -> f64 {
    let luminance = |text: &str| {
        let parts = text.trim_start_matches(|c: char| !c.is_ascii_digit()).trim_end_matches(')').split(',');
        let linear = parts.take(3).map(|part| {
            let c = part.trim().parse::<f64>().unwrap() / 255.0;
            if c <= 0.040_45 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        });
        linear.zip([0.2126, 0.7152, 0.0722]).map(|(c, weight)| c * weight).sum::<f64>()
    };
    let (a, b) = (luminance(colors[0].as_str().unwrap()), luminance(colors[1].as_str().unwrap()));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}
