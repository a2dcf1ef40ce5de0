//! What `toYaml` writes must read back as the same value.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plate_deploy_helm::value::{json, yaml};

fuzz_target!(|data: &[u8]| {
    let Ok(value) = yaml::parse(data) else { return };
    let Ok(text) = yaml::to_yaml(&value) else { return };
    let again = yaml::parse(text.as_bytes());
    let Ok(again) = again else { panic!("unreadable: {text:?}") };
    assert_eq!(json::encode(&value), json::encode(&again), "{text:?}");
});
