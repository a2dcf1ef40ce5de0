//! Whatever is read, nothing panics: readers of untrusted text answer or refuse.

use plate_deploy_helm::chart::{Chart, KubeVersion, ValueSources};
use plate_deploy_helm::lint::{LintOptions, lint};
use plate_deploy_helm::release::{split_manifests, split_manifests_helm3};
use plate_deploy_helm::value::{json, toml, yaml};
use proptest::collection::vec;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof, proptest};

/// Bytes in which the characters that mean something are common.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        vec(any::<u8>(), 1..4),
        proptest::sample::select(
            &[
                "\n", "  ", "- ", ": ", "a", "é", "\u{85}", "\u{2028}", "\"", "'", "|", ">", "{", "}", "[", "]", "&a ",
                "*a", "<<: ", "!!", "%", "---\n", "...", "#", "\\u12", "0x", "1_0", ".inf", "=", "[0]", ".", ",", "\\"
            ][..]
        )
        .prop_map(|text| text.as_bytes().to_vec()),
        Just(b"\xEF\xBB\xBF".to_vec()),
    ];
    vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 800, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn readers_answer_or_refuse(bytes in bytes()) {
        if let Ok(value) = yaml::parse(&bytes) {
            let _ = (yaml::to_yaml(&value), yaml::to_yaml_pretty(&value), json::encode(&value), toml::encode(&value));
        }
        let _ = yaml::head(&bytes);
        let _ = json::decode(&bytes);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let _ = (toml::decode(&text), KubeVersion::parse(&text), split_manifests(&text), split_manifests_helm3(&text));
        let line = || vec![text.clone()];
        for sources in [
            ValueSources { set: line(), ..ValueSources::default() },
            ValueSources { set_json: line(), ..ValueSources::default() },
            ValueSources { set_literal: line(), ..ValueSources::default() },
        ] {
            let _ = sources.merge();
        }
    }

    #[test]
    fn charts_load_or_are_refused(chart in bytes(), values in bytes(), ignore in bytes(), archive in bytes()) {
        let files: Vec<(String, Vec<u8>)> = [
            ("Chart.yaml", [b"apiVersion: v2\nname: a\nversion: 1.0.0\n".as_slice(), &chart].concat()),
            ("values.yaml", values),
            (".helmignore", ignore),
            ("charts/x.tgz", [b"\x1F\x8B\x08".as_slice(), &archive].concat()),
            ("templates/a.yaml", chart),
        ]
        .into_iter()
        .map(|(name, data)| (name.to_owned(), data))
        .collect();
        let _ = Chart::from_dir_files(files.clone());
        let _ = lint("a", &files, &LintOptions::default());
    }
}
