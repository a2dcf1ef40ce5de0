//! The template language against Go 1.26's `text/template`: `data/gotemplate.jsonl` holds templates and what Go printed
//! for them, or its error, run on [`DATA`] without functions of Sprig or Helm.

use std::rc::Rc;
use std::sync::Arc;

use plate_deploy_helm::template::{Callable, Entry, Error, Exec, Functions, Host, Limits, Scope, parse};
use plate_deploy_helm::value::{Env, FuncError, Map, Value};

const DATA: &str = r#"{"s":"str","n":3,"f":1.5,"big":12345678,"t":true,"fa":false,"nil":null,
    "l":["a","b",{"k":"v"}],"e":[],"m":{"a":1,"b":{"c":"deep"},"x.y":2},"em":{},"nums":[3,1,2],
    "rows":[{"n":"x","v":1},{"n":"y","v":2}]}"#;

struct Bare;

impl Functions for Bare {
    fn get(&self, _: &str) -> Option<&'static Callable> {
        None
    }
}

impl Host for Bare {
    fn call(&self, _: &mut Exec<'_>, _: u16, _: &[Value]) -> Result<Value, Error> {
        Err(Error::plain("no host functions here"))
    }
    fn map_method(&self, _: &Map, _: &str, _: &[Value]) -> Option<Result<Value, FuncError>> {
        None
    }
}

impl Env for Bare {
    fn now(&self) -> jiff::Zoned {
        jiff::Zoned::default()
    }
    fn random(&self, _: &mut [u8]) {}
    fn charge(&self, _: u64) -> Result<(), FuncError> {
        Ok(())
    }
}

fn render(text: &str, strict: bool, limits: Limits) -> Result<String, String> {
    let name: Rc<str> = Rc::from("x");
    let parsed = parse(Arc::from(text.as_bytes()), &Bare).map_err(|error| error.message(&name))?;
    let parsed = Arc::new(parsed);
    let scope = Rc::new(Scope::default());
    scope.add(&name, &parsed);
    let data: serde_json::Value = serde_json::from_str(DATA).map_err(|error| error.to_string())?;
    let mut exec = Exec::new(scope, &Bare, &Bare, strict, limits);
    let entry = Rc::new(Entry::body_of(name, parsed));
    exec.render(&entry, Value::from(&data)).map(|out| out.to_string()).map_err(|error| error.to_string())
}

#[test]
fn prints_and_fails_as_go_does() {
    let cases = include_str!("data/gotemplate.jsonl");
    let mut wrong = Vec::new();
    for line in cases.lines() {
        let case: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = case["template"].as_str().unwrap();
        let want = match case["error"].as_str() {
            Some(error) => Err(error.to_owned()),
            None => Ok(case["out"].as_str().unwrap().to_owned()),
        };
        let got = render(text, case["strict"] == true, Limits::default());
        if got != want {
            wrong.push(format!("{text}\n  want {want:?}\n   got {got:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), cases.lines().count(), wrong.join("\n"));
}

#[test]
fn hostile_templates_meet_limits() {
    let small = || Limits { steps: 100_000, output: 1 << 20, depth: 100, deadline: None };
    let deep_parens = format!("{{{{ {}1{} }}}}", "(".repeat(100_000), ")".repeat(100_000));
    let deep_blocks = "{{ if .t }}".repeat(100_000);
    let wide = format!("{{{{ {} }}}}", "(print ".repeat(900) + &")".repeat(900));
    let table = [
        ("{{ range 1000000000000 }}{{ end }}", "steps"),
        ("{{ range 100000 }}aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa{{ end }}", "bytes"),
        ("{{ define \"r\" }}{{ template \"r\" }}{{ end }}{{ template \"r\" }}", "maximum template depth (100)"),
        (&deep_parens, "max expression depth exceeded"),
        (&deep_blocks, "max expression depth exceeded"),
    ];
    for (text, want) in table {
        let error = render(text, false, small()).unwrap_err();
        assert!(error.contains(want), "{}: {error}", &text[..40.min(text.len())]);
    }
    assert_eq!(render(&wide, false, small()), Ok(String::new()));
}
