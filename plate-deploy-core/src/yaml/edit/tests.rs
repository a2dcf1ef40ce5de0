//! Edits by example, and the property that one value and nothing else changes.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// `a.0.b`: keys and indexes.
fn path(text: &str) -> FieldPath {
    text.split('.').fold(FieldPath::root(), |path, step| match step.parse() {
        Ok(index) => path.index(index),
        Err(_) => path.key(step),
    })
}

#[test]
fn only_the_scalar_changes() {
    let cases = [
        ("tag: \"1.0\" # keep\n", "tag", json!("1.1"), "tag: \"1.1\" # keep\n"),
        ("tag: '1.0'\n", "tag", json!("it's"), "tag: 'it''s'\n"),
        ("tag: '1.0'\n", "tag", json!("a\nb"), "tag: \"a\\nb\"\n"),
        ("tag: v1.0\n", "tag", json!("v1.1"), "tag: v1.1\n"),
        ("tag: 1.2.3\n", "tag", json!("1.3"), "tag: \"1.3\"\n"),
        ("tag: abc\n", "tag", json!("yes"), "tag: \"yes\"\n"),
        ("tag: abc\n", "tag", json!("0123"), "tag: \"0123\"\n"),
        ("tag: abc\n", "tag", json!("1234e5"), "tag: \"1234e5\"\n"),
        ("tag: abc\n", "tag", json!("2026-11-23"), "tag: \"2026-11-23\"\n"),
        ("tag: abc\n", "tag", json!("12:30"), "tag: \"12:30\"\n"),
        ("tag: abc\n", "tag", json!(""), "tag: \"\"\n"),
        ("tag: abc\n", "tag", json!("a # b"), "tag: \"a # b\"\n"),
        ("n: 1\n", "n", json!(2), "n: 2\n"),
        ("n: \"1\"\n", "n", json!(2), "n: 2\n"),
        ("n: 1\n", "n", json!("2"), "n: \"2\"\n"),
        ("on: true\n", "true", json!(false), "on: false\n"),
        ("n: x", "n", json!(null), "n: null"),
        ("a:\r\n  b: 1   # 주석\r\n  c: 2\r\n", "a.b", json!(3), "a:\r\n  b: 3   # 주석\r\n  c: 2\r\n"),
        ("\u{feff}가: 나 # x\n", "가", json!("다"), "\u{feff}가: 다 # x\n"),
        ("l:\n- a   # one\n-   b\n", "l.1", json!("c"), "l:\n- a   # one\n-   c\n"),
        ("s: { port: 80, type: ClusterIP } # f\n", "s.port", json!(8080), "s: { port: 8080, type: ClusterIP } # f\n"),
        ("s: [a, b]\n", "s.0", json!("c: d, e"), "s: [\"c: d, e\", b]\n"),
        ("a: first\n  and second\nb: 1\n", "a", json!("one"), "a: one\nb: 1\n"),
        ("a:   # nothing\nb: 1\n", "a", json!("x"), "a: x   # nothing\nb: 1\n"),
        ("a:\nb: 1\n", "a", json!("x"), "a: x\nb: 1\n"),
        ("a: {b:, c: 1}\n", "a.b", json!("x"), "a: {b: x, c: 1}\n"),
        ("\"a\" :\n", "a", json!(1), "\"a\" : 1\n"),
        ("a: 1\na: 2\n", "a", json!(3), "a: 1\na: 3\n"),
        ("a: &unused 1\n", "a", json!(2), "a: &unused 2\n"),
        ("a: |\n  text\nb: 1\n", "b", json!(2), "a: |\n  text\nb: 2\n"),
    ];
    for (text, at, value, expected) in cases {
        assert_eq!(set_scalar(text, 0, &path(at), &value).as_deref(), Ok(expected), "{text:?} {at}={value}");
    }
    let documents = "a: 1\n---\n# second\na: 1\n";
    assert_eq!(set_scalar(documents, 1, &path("a"), &json!(2)).as_deref(), Ok("a: 1\n---\n# second\na: 2\n"));
}

#[test]
fn missing_keys_are_added_beside_their_siblings() {
    let cases = [
        ("a: 1\n", "b", "a: 1\nb: new\n"),
        ("a: 1", "b", "a: 1\nb: new"),
        ("i:\n    r: x # c\n\n# after\nz: 1\n", "i.t", "i:\n    r: x # c\n    t: new\n\n# after\nz: 1\n"),
        ("i:\r\n  r: x\r\nz: 1\r\n", "i.t", "i:\r\n  r: x\r\n  t: new\r\nz: 1\r\n"),
        ("i:\n  r:\n    - 1\n    - {a: b}\nz: 1\n", "i.t", "i:\n  r:\n    - 1\n    - {a: b}\n  t: new\nz: 1\n"),
        ("i:\n  r: |\n    text\n    more\nz: 1\n", "i.t", "i:\n  r: |\n    text\n    more\n  t: new\nz: 1\n"),
        ("l:\n  - a: 1\n  - a: 2\n", "l.0.b", "l:\n  - a: 1\n    b: new\n  - a: 2\n"),
        ("s: {a: 1}\n", "s.b", "s: {a: 1, b: new}\n"),
        ("s: {}\n", "s.b", "s: {b: new}\n"),
        ("s: { a: 1 }\n", "s.b", "s: { a: 1, b: new }\n"),
        ("d: &d {x: 1}\ns:\n  <<: *d\n", "s.x", "d: &d {x: 1}\ns:\n  <<: *d\n  x: new\n"),
        ("", "b", "b: new\n"),
        ("# nothing yet\n", "b", "# nothing yet\nb: new\n"),
        ("a: 1\n", "true", "a: 1\n\"true\": new\n"),
        ("b: old\n", "b", "b: new\n"),
    ];
    for (text, at, expected) in cases {
        assert_eq!(set_or_insert(text, 0, &path(at), &json!("new")).as_deref(), Ok(expected), "{text:?} {at}");
    }
    for (text, at) in [("a: 1\n", "b.c"), ("a: 1\n", "a.b"), ("a: [1]\n", "a.1"), ("a:\n", "a.b")] {
        assert!(set_or_insert(text, 0, &path(at), &json!(1)).is_err(), "{text:?} {at}");
    }
}

#[test]
fn refusals_say_where_and_why() {
    let cases = [
        ("image:\n  repo: x\n  tag: y\n", "image.tga", "did you mean `tag`?"),
        ("image:\n  repo: x\n", "image.nothing", "it has `repo`"),
        ("a: [1, 2]\n", "a.2", "a (line 1, column 4) has no item 2 (it is a list of 2)"),
        ("a: 1\n", "a.b", "it is a single value"),
        ("b: &b {c: 1}\na: *b\n", "a.c", "a (line 2, column 4) is an alias"),
        ("b: &b {c: 1}\na: *b\n", "b.c", "aliases repeat elsewhere"),
        ("b: &b {c: {d: 1}}\na:\n  <<: *b\n", "a.c.d", "merges"),
        ("b: &b {c: 1}\na: {<<: *b}\n", "a.c", "set it in what `<<` merges"),
        ("a: |\n  x\n", "a", "block scalar"),
        ("a: {b: 1}\n", "a", "a mapping"),
        ("a: [1]\n", "a", "a list"),
        ("a: !!str 1\n", "a", "tagged"),
        ("a: [\n", "a", "line"),
        ("", "a", "does not exist"),
    ];
    for (text, at, expected) in cases {
        let error = set_scalar(text, 0, &path(at), &json!(1)).unwrap_err().to_string();
        assert!(error.contains(expected), "{text:?} {at}: {error}");
    }
    assert!(matches!(set_scalar("a: 1\n", 0, &path("a"), &json!([1])), Err(EditError::NotAScalar { .. })));
    assert!(matches!(
        set_scalar("a: 1\n", 3, &path("a"), &json!(1)),
        Err(EditError::NoDocument { document: 3, count: 1 })
    ));
    let deep = format!("{}1{}", "[".repeat(5000), "]".repeat(5000));
    assert!(set_scalar(&deep, 0, &path("0"), &json!(1)).is_err());
}

/// A value, and YAML text for it in a random style with comments.
#[derive(Clone, Debug)]
enum Tree {
    Leaf(&'static str),
    List(Vec<Tree>),
    Map(Vec<Tree>),
    Flow(Vec<Tree>),
}

const LEAVES: [&str; 12] = [
    "1",
    "'q'",
    "\"d\\n\"",
    "plain text",
    "~",
    "yes",
    "0x1f",
    "가나다",
    "\"\"",
    "1.5 # note: {x}",
    "two\n\n  lines",
    "&anchor v",
];

fn trees() -> impl Strategy<Value = Tree> {
    let leaf = prop::sample::select(LEAVES.to_vec()).prop_map(Tree::Leaf);
    leaf.prop_recursive(4, 30, 4, |inner| {
        let many = || prop::collection::vec(inner.clone(), 1..4);
        prop_oneof![many().prop_map(Tree::List), many().prop_map(Tree::Map), many().prop_map(Tree::Flow)]
    })
}

const KEYS: [&str; 4] = ["alpha", "\"b: c\"", "가", "on"];
const NAMES: [&str; 4] = ["alpha", "b: c", "가", "true"];

fn render(
    tree: &Tree,
    indent: usize,
    at: &FieldPath,
    anchors: &mut usize,
    out: &mut String,
    paths: &mut Vec<FieldPath>,
) {
    let pad = " ".repeat(indent);
    match tree {
        Tree::Leaf(text) => {
            *anchors += 1;
            out.push_str(&format!(
                " {}\n",
                text.replace("\n  ", &format!("\n  {pad}")).replace("anchor", &format!("a{anchors}"))
            ));
            paths.push(at.clone());
        }
        Tree::List(items) => {
            out.push_str("   # list\n");
            for (index, item) in items.iter().enumerate() {
                out.push_str(&format!("{pad}-"));
                render(item, indent + 2, &at.index(index), anchors, out, paths);
            }
        }
        Tree::Map(items) => {
            out.push('\n');
            for (index, item) in items.iter().enumerate() {
                out.push_str(&format!("{pad}# note {index}\n{pad}{}:", KEYS[index]));
                render(item, indent + 2, &at.key(NAMES[index]), anchors, out, paths);
            }
        }
        Tree::Flow(items) => {
            let texts: Vec<String> =
                (0..items.len()).map(|index| format!("{}: [x, '{index}' ]", KEYS[index])).collect();
            out.push_str(&format!(" {{ {} }}\n", texts.join(", ")));
            paths.extend(
                (0..items.len()).flat_map(|index| [at.key(NAMES[index]).index(0), at.key(NAMES[index]).index(1)]),
            );
        }
    }
}

fn set_in(value: &mut Value, path: &FieldPath, new: &Value) {
    let target = path.steps().iter().fold(value, |value, step| match step {
        FieldStep::Key(key) => &mut value[key.as_str()],
        FieldStep::Index(index) => &mut value[*index],
    });
    *target = new.clone();
}

fn values() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<String>().prop_map(Value::from),
        "[ -~]{0,12}".prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        Just(Value::Null),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn one_value_and_nothing_else_changes(tree in trees(), value in values(), pick in any::<prop::sample::Index>(), crlf in any::<bool>(), cut in any::<bool>()) {
        let (mut text, mut paths) = ("# top\nroot:".to_owned(), Vec::new());
        render(&tree, 2, &FieldPath::keys(["root"]), &mut 0, &mut text, &mut paths);
        text.push_str("last: 1 # end\n");
        if crlf { text = text.replace('\n', "\r\n"); }
        if cut { text.truncate(text.trim_end().len()); }
        let before = crate::yaml::parse(&text);
        prop_assert!(before.error.is_none(), "{text:?}: {:?}", before.error);
        let mut wanted = before.documents[0].json().unwrap();
        let at = pick.get(&paths);
        let edited = set_scalar(&text, 0, at, &value).map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
        set_in(&mut wanted, at, &value);
        let after = crate::yaml::parse(&edited);
        prop_assert!(after.error.is_none(), "{edited:?}");
        prop_assert_eq!(after.documents[0].json().unwrap(), wanted);
        // All other bytes are the old ones: what differs is one stretch, which begins on the value's own line.
        let same_start = text.bytes().zip(edited.bytes()).take_while(|(a, b)| a == b).count();
        let line = text.bytes().take(same_start).filter(|b| *b == b'\n').count() + 1;
        let mark = before.documents[0].mark(at).unwrap();
        prop_assert!(edited == text || line >= mark.line, "{line} {mark:?}");
        let comments = |text: &str| text.matches("# note").count() + text.matches("# list").count() + text.matches("# end").count();
        prop_assert_eq!(comments(&text), comments(&edited) - value.as_str().map_or(0, comments));
    }
}
