//! Chromium, in which the pages are looked at.

use std::path::Path;

use crate::report::Report;
use crate::step::Step;

/// Where distributions put it; the tests look there, too.
const PLACES: [&str; 3] = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/// Notes when it is missing. Where everything must run, it is installed first, if this is Debian and we may.
pub(crate) fn prepare(report: &mut Report, install: bool) {
    let there = || PLACES.iter().any(|place| Path::new(place).exists()) || std::env::var_os("PLATE_CHROMIUM").is_some();
    if !there() && install {
        println!("installing Chromium (once)");
        Step::new("apt-get").args(["install", "-y", "--no-install-recommends", "chromium", "fonts-dejavu-core"]).run();
    }
    if !there() {
        report.missing("Pages in a real browser", "Chromium is not installed (apt-get install chromium)");
    }
}
