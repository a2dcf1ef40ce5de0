//! The grammar of `--set` and its kin.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plate_deploy_helm::chart::ValueSources;

fuzz_target!(|text: &str| {
    let one = || vec![text.to_owned()];
    let _ = (ValueSources { set: one(), ..ValueSources::default() }).merge();
    let _ = (ValueSources { set_string: one(), ..ValueSources::default() }).merge();
    let _ = (ValueSources { set_json: one(), ..ValueSources::default() }).merge();
    let _ = (ValueSources { set_literal: one(), ..ValueSources::default() }).merge();
    let _ = (ValueSources { set: one(), set_string: one(), ..ValueSources::default() }).merge();
});
