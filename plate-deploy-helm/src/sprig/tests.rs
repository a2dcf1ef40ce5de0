//! Table tests of Sprig's quirks. The differential tests against Helm itself are in the `tests` crate.

use crate::value::{Env, FuncError, Map, Value, print};

struct TestEnv;

impl Env for TestEnv {
    fn now(&self) -> jiff::Zoned {
        jiff::Timestamp::from_second(1_000_000_000).unwrap_or_default().to_zoned(jiff::tz::TimeZone::UTC)
    }

    fn random(&self, buf: &mut [u8]) {
        use std::cell::Cell;
        thread_local!(static STATE: Cell<u64> = const { Cell::new(42) });
        for byte in buf {
            let next = STATE.get().wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            STATE.set(next);
            *byte = (next >> 33) as u8;
        }
    }

    fn charge(&self, bytes: u64) -> Result<(), FuncError> {
        if bytes > 1 << 30 { Err(FuncError::Limit("too much".to_owned())) } else { Ok(()) }
    }
}

fn call(name: &str, args: &[Value]) -> Result<Value, FuncError> {
    let function = super::lookup(name).unwrap_or_else(|| panic!("no function {name}"));
    assert!(args.len() >= function.arity.0, "{name}: too few arguments");
    (function.call)(&TestEnv, args)
}

/// The printed result, or `ERR text`.
fn shown(name: &str, args: &[Value]) -> String {
    match call(name, args) {
        Ok(value) => print::to_string(&value),
        Err(error) => format!("ERR {error}"),
    }
}

fn s(text: &str) -> Value {
    Value::str(text)
}

fn i(n: i64) -> Value {
    Value::int(n)
}

fn f(n: f64) -> Value {
    Value::Float(n)
}

fn list(items: &[Value]) -> Value {
    Value::list(items.to_vec())
}

#[test]
fn every_name_is_there_once() {
    let mut names: Vec<_> = super::all().map(|function| function.name).collect();
    names.sort_unstable();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count, "a function is listed twice");
    // Sprig's generic map has 211 entries; Helm deletes env and expandenv.
    assert_eq!(count, 209);
    assert!(super::lookup("env").is_none() && super::lookup("expandenv").is_none());
}

#[test]
fn numbers() {
    let cases: &[(&str, &[Value], &str)] = &[
        ("int", &[s("010")], "8"),
        ("int", &[s("1_000")], "1000"),
        ("int", &[s("5.00")], "5"),
        ("int64", &[f(-2.9)], "-2"),
        ("add", &[i(1), s("x")], "1"),
        ("round", &[f(-2.5), i(0)], "-3"),
        ("round", &[f(123.555), i(2)], "123.56"),
        ("addf", &[f(0.1), f(0.2)], "0.3"),
        ("divf", &[i(10), i(3)], "3.3333333333333335"),
        ("divf", &[i(1), i(0)], "ERR decimal division by 0"),
        ("div", &[i(1), i(0)], "ERR runtime error: integer divide by zero"),
        ("seq", &[i(5), i(-2), i(0)], "5 3 1"),
        ("seq", &[i(0), i(3)], "0 1 2 3"),
        ("untilStep", &[i(3), i(10), i(3)], "[3 6 9]"),
        ("until", &[i(i64::MAX)], "ERR too much"),
        ("toDecimal", &[i(777)], "511"),
        ("atoi", &[s("99999999999999999999")], "9223372036854775807"),
    ];
    for (name, args, want) in cases {
        assert_eq!(shown(name, args), *want, "{name}");
    }
}

#[test]
fn strings() {
    let cases: &[(&str, &[Value], &str)] = &[
        ("trunc", &[i(-3), s("abcdef")], "def"),
        ("substr", &[i(0), i(9), s("abc")], "abc"),
        ("substr", &[i(-1), i(9), s("abc")], "ERR runtime error: slice bounds out of range [:9] with length 3"),
        ("repeat", &[i(-1), s("a")], "ERR strings: negative Repeat count"),
        ("abbrevboth", &[i(5), i(10), s("1234 5678 9123")], "...5678..."),
        ("initials", &[s("First Try")], "FT"),
        ("snakecase", &[s("HTTP20xOK")], "http_20x_ok"),
        ("kebabcase", &[s("Bld4Floor3rd")], "bld4-floor-3rd"),
        ("camelcase", &[s("http_server")], "HttpServer"),
        ("swapcase", &[s("This Is A.Test")], "tHIS iS a.tEST"),
        ("wrap", &[i(5), s("a bcd efghijk l")], "a bcd\nefghijk\nl"),
        ("wrapWith", &[i(3), s("-"), s("abcdefg")], "abc-def-g"),
        ("indent", &[i(2), s("a\nb")], "  a\n  b"),
        ("b64dec", &[s("a")], "illegal base64 data at input byte 0"),
        ("b64dec", &[s("YQ==\n")], "a"),
        ("b32dec", &[s("ME======")], "a"),
        ("quote", &[s("a\"b"), Value::Nil, i(1)], "\"a\\\"b\" \"1\""),
        ("splitn", &[s("."), i(2), s("a.b.c")], "map[_0:a _1:b.c]"),
        ("title", &[s("hello wOrld-x")], "Hello WOrld-X"),
        ("plural", &[s("one"), s("many"), i(2)], "many"),
        ("trimAll", &[s("$"), s("$5.00$")], "5.00"),
        ("replace", &[s(""), s("-"), s("ab")], "-a-b-"),
        ("nospace", &[s("é a")], "Ã©a"),
    ];
    for (name, args, want) in cases {
        assert_eq!(shown(name, args), *want, "{name}");
    }
}

#[test]
fn lists_and_maps() {
    let cases: &[(&str, &[Value], &str)] = &[
        ("slice", &[list(&[i(1), i(2), i(3)]), i(1), i(2)], "[2]"),
        ("first", &[s("x")], "ERR Cannot find first on type string"),
        ("chunk", &[i(2), list(&[i(1), i(2), i(3)])], "[[1 2] [3]]"),
        ("uniq", &[list(&[i(1), i(1), Value::int64(1)])], "[1 1]"),
        ("has", &[i(1), Value::Nil], "false"),
        ("without", &[list(&[s("a"), s("b")]), s("a")], "[b]"),
        ("dig", &[s("a"), s("b"), s("d"), Value::Map(Map::new())], "d"),
        ("dict", &[s("a")], "map[a:]"),
        ("get", &[Value::Map(Map::new()), s("x")], ""),
        ("trunc", &[Value::int64(3), s("abc")], "ERR wrong type for value; expected int; got int64"),
    ];
    for (name, args, want) in cases {
        assert_eq!(shown(name, args), *want, "{name}");
    }
}

#[test]
fn merge_changes_its_first_argument_and_shares_what_it_takes() {
    let inner: Map = [("x", i(1))].into_iter().collect();
    let source: Map = [("new", Value::Map(inner.clone())), ("a", s("theirs")), ("n", Value::Nil)].into_iter().collect();
    let dst: Map = [("a", s("mine")), ("e", s(""))].into_iter().collect();
    call("merge", &[Value::Map(dst.clone()), Value::Map(source.clone())]).unwrap();
    assert_eq!(print::to_string(&Value::Map(dst.clone())), "map[a:mine e: new:map[x:1]]");
    call("set", &[dst.get("new").unwrap(), s("x"), i(2)]).unwrap();
    assert_eq!(print::to_string(&inner.get("x").unwrap()), "2", "a map the destination lacked is shared");
    call("mergeOverwrite", &[Value::Map(dst.clone()), Value::Map(source)]).unwrap();
    assert_eq!(print::to_string(&Value::Map(dst)), "map[a:theirs e: n:<nil> new:map[x:2]]");
}

#[test]
fn a_map_that_holds_itself_ends_the_render_not_the_process() {
    let cyclic = Map::new();
    cyclic.insert("self", Value::Map(cyclic.clone()));
    assert!(matches!(call("deepCopy", &[Value::Map(cyclic.clone())]), Err(FuncError::Limit(_))));
    cyclic.remove("self");
}

#[test]
fn regular_expressions_have_go_syntax() {
    let cases: &[(&str, &[Value], &str)] = &[
        ("regexMatch", &[s(r"^\d+$"), s("١٢")], "false"),
        ("regexMatch", &[s(r"a{,2}"), s("a{,2}")], "true"),
        ("regexMatch", &[s(r"\Qa.b\E"), s("a.b")], "true"),
        ("regexMatch", &[s(r"[a&&b]"), s("&")], "true"),
        ("mustRegexMatch", &[s("a**"), s("")], "ERR error parsing regexp: invalid nested repetition operator: `**`"),
        ("mustRegexMatch", &[s("a{1001}"), s("")], "ERR error parsing regexp: invalid repeat count: `{1001}`"),
        ("mustRegexMatch", &[s("(?x)a"), s("")], "ERR error parsing regexp: invalid or unsupported Perl syntax: `(?x`"),
        ("mustRegexFind", &[s("a("), s("")], "ERR error parsing regexp: missing closing ): `a(`"),
        ("regexFind", &[s("a("), s("")], "ERR regexp: Compile(`a(`): error parsing regexp: missing closing ): `a(`"),
        ("regexReplaceAll", &[s("a(x*)b"), s("-ab-axxb-"), s("${1}W")], "-W-xxW-"),
        ("regexReplaceAll", &[s("a(x*)b"), s("-ab-axxb-"), s("$1W")], "---"),
        ("regexReplaceAll", &[s(""), s("é"), s("-")], "-é-"),
        ("regexSplit", &[s("z+"), s("pizza"), i(-1)], "[pi a]"),
        ("regexFindAll", &[s("a*"), s("baac"), i(-1)], "[ aa ]"),
        ("regexQuoteMeta", &[s("1.2.3")], r"1\.2\.3"),
    ];
    for (name, args, want) in cases {
        assert_eq!(shown(name, args), *want, "{name} {}", print::to_string(&args[0]));
    }
}

#[test]
fn versions() {
    let satisfied = |constraint: &str, version: &str| shown("semverCompare", &[s(constraint), s(version)]);
    for (constraint, version, want) in [
        ("^1.2", "1.9.0", "true"),
        ("~1.2.x || >3", "3.0.1", "false"),
        (">=1.21-0", "v1.30.2-gke.1", "true"),
        (">=1.21", "v1.30.2-gke.1", "false"),
        ("1.2 - 1.4.5", "1.4.5", "true"),
        ("!=1.2.x", "1.2.5", "false"),
    ] {
        assert_eq!(satisfied(constraint, version), want, "{constraint} {version}");
    }
    assert_eq!(satisfied("1.2.3.4", "1"), "ERR improper constraint: \"1.2.3.4\"");
    let version = call("semver", &[s("v1.2-rc.1+b")]).unwrap();
    assert_eq!(print::to_string(&version), "1.2.0-rc.1+b");
}

#[test]
fn dates() {
    let epoch = Value::int64(0);
    assert_eq!(
        shown("dateInZone", &[s("2006-01-02T15:04:05Z07:00"), epoch, s("Asia/Tokyo")]),
        "1970-01-01T09:00:00+09:00"
    );
    let date = call("toDate", &[s("Jan _2, 2006 3:04PM MST"), s("Feb  3, 2013 7:54PM PST")]).unwrap();
    assert_eq!(print::to_string(&date), "2013-02-03 19:54:00 +0000 PST");
    assert_eq!(shown("unixEpoch", std::slice::from_ref(&date)), "1359921240");
    let moved = call("dateModify", &[s("-1.5h"), date]).unwrap();
    assert_eq!(shown("date", &[s("02 Jan 06 15:04:05.000"), moved]), "03 Feb 13 18:24:00.000");
    assert_eq!(shown("duration", &[s("95")]), "1m35s");
    assert_eq!(shown("duration", &[i(95)]), "0s", "an int is none of the types Sprig looks for");
    assert_eq!(shown("durationRound", &[s("2400h10m5s")]), "3mo");
    assert!(shown("mustToDate", &[s("2006"), s("x")]).starts_with("ERR parsing time \"x\" as \"2006\""));
}

#[test]
fn crypto() {
    let derived = shown("derivePassword", &[i(1), s("long"), s("password"), s("user"), s("example.com")]);
    assert_eq!(derived, "ZedaFaxcZaso9*");
    assert_eq!(shown("adler32sum", &[s("Hello")]), "93061621");
    let secret = call("encryptAES", &[s("key"), s("plaintext")]).unwrap();
    assert_eq!(shown("decryptAES", &[s("key"), secret]), "plaintext");
    assert!(shown("decryptAES", &[s("key"), s("YQ==")]).starts_with("ERR runtime error: slice bounds"));
    assert!(shown("htpasswd", &[s("u"), s("p")]).starts_with("u:$2a$10$"));
    assert_eq!(shown("randAlphaNum", &[i(12)]).len(), 12);
    for (kind, label) in [("ecdsa", "EC PRIVATE KEY"), ("ed25519", "PRIVATE KEY")] {
        let pem = shown("genPrivateKey", &[s(kind)]);
        assert!(pem.starts_with(&format!("-----BEGIN {label}-----\n")), "{pem}");
        let ca = call("genCAWithKey", &[s("my-ca"), i(365), s(&pem)]).unwrap();
        let names = list(&[s("a.svc")]);
        let ips = list(&[s("10.0.0.1")]);
        let leaf = call("genSignedCertWithKey", &[s("a"), ips, names, i(10), ca, s(&pem)]).unwrap();
        assert!(print::to_string(&leaf).contains("-----END CERTIFICATE-----"));
    }
}
