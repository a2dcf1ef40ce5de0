//! How the command is linked.
//!
//! `helm template` of a small chart takes about as long as starting the process, and a third of that went into moving
//! the tables of a position-independent executable to where it was loaded. Linked to a fixed address, it has none to
//! move. The price is that the program itself (not its heap, stack and libraries) is at the same address every time;
//! there is no unsafe code here that an attacker could steer there.

use std::env;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let target = |name: &str| env::var(format!("CARGO_CFG_TARGET_{name}")).unwrap_or_default();
    let is_release = env::var("PROFILE").is_ok_and(|profile| profile == "release");
    if is_release && target("OS") == "linux" && target("ENV") == "gnu" {
        println!("cargo:rustc-link-arg-bins=-no-pie");
    }
}
