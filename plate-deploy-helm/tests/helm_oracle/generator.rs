//! Random templates and values: every deterministic function with arguments of fitting and of wrong types, pipelines,
//! control structures, definitions, trims.

use super::functions::{FUNCTIONS, TYPE_NAMES};
use super::pools;
use super::rng::Rng;

/// One case: the statements of the template (joined to render), a file of definitions, values in YAML.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) statements: Vec<String>,
    pub(crate) partials: String,
    pub(crate) values: String,
}

impl Case {
    /// The template text.
    pub(crate) fn template(&self) -> String {
        self.statements.concat()
    }
}

/// Generates the case of a seed.
pub(crate) fn case(seed: u64) -> Case {
    let mut generator = Generator { rng: Rng::new(seed), vars: Vec::new(), loops: 0, includes: false };
    let values = generator.values();
    let partials = generator.partials();
    generator.includes = true;
    let count = 1 + generator.rng.below(4);
    let statements = (0..count).map(|_| generator.statement(3)).collect();
    Case { statements, partials, values }
}

struct Generator {
    rng: Rng,
    vars: Vec<String>,
    loops: usize,
    /// Definitions may be named: not inside themselves, where that would not end.
    includes: bool,
}

impl Generator {
    fn pick(&mut self, pool: &[&'static str]) -> &'static str {
        self.rng.pick(pool)
    }

    /// A Go string literal.
    fn quoted(&mut self, text: &str) -> String {
        let raw = !text.contains(['`', '\r']);
        if raw && self.rng.one_in(3) {
            return format!("`{text}`");
        }
        let mut out = String::from("\"");
        for c in text.chars() {
            match c {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                c if c.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(c))),
                c => out.push(c),
            }
        }
        out.push('"');
        out
    }

    fn literal(&mut self, pool: &[&'static str]) -> String {
        let text = self.pick(pool);
        self.quoted(text)
    }

    fn int(&mut self) -> String {
        match self.rng.below(12) {
            0 => self.pick(&["0x10", "0o7", "1_000", "'a'", "1e2", "3.0", "0b101", "-0", "+3", "010"]).to_owned(),
            1 => {
                self.pick(&["-1", "-5", "100", "9223372036854775807", "-9223372036854775808", "4294967296"]).to_owned()
            }
            _ => (self.rng.below(12) as i64 - 2).to_string(),
        }
    }

    fn float(&mut self) -> String {
        let pool = [
            "1.5",
            "-2.5",
            "0.1",
            "3.14159",
            "1e21",
            "1e20",
            "1e-7",
            "123456789.125",
            "-0.0",
            "2.675",
            "0.5",
            "1.0",
            "1e6",
            "12345678",
        ];
        self.pick(&pool).to_owned()
    }

    /// A path into the values that usually has the type of the code.
    fn path(&mut self, code: char) -> String {
        let pool: &[&str] = match code {
            's' => {
                &[".Values.str", ".Values.nested.a.s", ".Values.text", ".Release.Name", ".Chart.Name", ".Values.multi"]
            }
            'i' | 'n' => {
                &["(.Values.int | int)", ".Release.Revision", "(len .Values.strs)", "(.Values.nested.a.n | int)"]
            }
            'f' => &[".Values.int", ".Values.float", ".Values.nested.a.n"],
            'b' => &[".Values.flag", ".Release.IsInstall", ".Values.off"],
            'l' => &[".Values.list", ".Values.strs", ".Values.maps", ".Values.emptyList", ".Values.nested.l"],
            'm' => {
                &[".Values.map", ".Values.nested", ".Values.nested.a", ".Values.empty", ".Values", ".Release", ".Chart"]
            }
            _ => &[
                ".Values.nul",
                ".Values.missing",
                ".Values.any",
                ".Values.list",
                ".Values.map",
                ".Values.str",
                ".Values.int",
                ".Values.float",
                ".Values.flag",
                ".Values.nested.missing.x",
                "$.Values.any",
                ".Capabilities.KubeVersion.Version",
                ".Template.Name",
                ".Values.maps",
                ".Chart.Version",
                ".Values.date",
            ],
        };
        let path = self.pick(pool);
        // Inside `range` and `with` the dot is another one.
        if self.loops > 0 && !path.contains('$') { path.replacen('.', "$.", 1) } else { path.to_owned() }
    }

    /// An expression for a parameter code, in parentheses when it needs them.
    fn arg(&mut self, code: char, depth: usize) -> String {
        // A count stays small: Go has no limits.
        if !"nMpt".contains(code) && self.rng.one_in(40) {
            let wrong = self.pick(&["s", "i", "l", "m", "b", "f", "a", "t"]).chars().next().unwrap_or('a');
            return self.arg_of(wrong, depth);
        }
        self.arg_of(code, depth)
    }

    fn arg_of(&mut self, code: char, depth: usize) -> String {
        if !self.vars.is_empty() && code == 'a' && self.rng.one_in(4) {
            let at = self.rng.below(self.vars.len());
            return self.vars[at].clone();
        }
        if depth > 0 && "sifblmat".contains(code) && self.rng.one_in(3) {
            return format!("({})", self.call(Some(code), depth - 1));
        }
        if "sifblmat".contains(code) && self.rng.one_in(3) && code != 't' {
            return self.path(code);
        }
        match code {
            's' => self.literal(pools::STRINGS),
            'i' => self.int(),
            'n' => self.rng.below(6).to_string(),
            'f' => self.float(),
            'b' => self.pick(&["true", "false"]).to_owned(),
            'l' => self.list(depth),
            'm' => self.map(depth),
            't' => {
                let (layout, date) = (self.literal(pools::LAYOUTS), self.literal(pools::DATES));
                match self.rng.below(4) {
                    0 => format!("({})", self.rng.below(2_000_000_000)),
                    1 => format!("(toDate {layout} {date})"),
                    _ => "(toDate \"2006-01-02T15:04:05Z07:00\" \"2021-03-04T05:06:07+02:00\")".to_owned(),
                }
            }
            'V' => self.literal(pools::VERSIONS),
            'C' => self.literal(pools::CONSTRAINTS),
            'R' => self.literal(pools::REGEXES),
            'P' => self.literal(pools::REPLACEMENTS),
            'L' => self.literal(pools::LAYOUTS),
            'A' => self.literal(pools::DATES),
            'Z' => self.literal(pools::ZONES),
            'D' => self.literal(pools::DURATIONS),
            'U' => self.literal(pools::URLS),
            'J' => self.literal(pools::JSONS),
            'Y' => self.literal(pools::YAMLS),
            'O' => self.literal(pools::TOMLS),
            'K' => self.literal(pools::KEYS),
            'F' => self.literal(pools::FORMATS),
            'W' => self.literal(TYPE_NAMES),
            'M' if self.rng.one_in(4) => "(deepCopy $.Values.map)".to_owned(),
            'M' => self.map(depth),
            'p' => self.pick(&["$.Values.map", "$.Values.nested.a", "$.Values.map.b", "$.Values.empty"]).to_owned(),
            _ => self.anything(depth),
        }
    }

    fn anything(&mut self, depth: usize) -> String {
        match self.rng.below(10) {
            0..=2 => self.literal(pools::STRINGS),
            3 => self.int(),
            4 => self.float(),
            5 => self.pick(&["true", "false", "nil"]).to_owned(),
            6 => self.list(depth.saturating_sub(1)),
            7 => self.map(depth.saturating_sub(1)),
            _ => self.path('a'),
        }
    }

    fn list(&mut self, depth: usize) -> String {
        match self.rng.below(6) {
            0 => "(list)".to_owned(),
            1 => format!("(until {})", self.rng.below(5)),
            2 => "(splitList \",\" \"b,a,,c,a\")".to_owned(),
            _ => {
                let count = 1 + self.rng.below(4);
                let items: Vec<String> = (0..count).map(|_| self.arg('a', depth.saturating_sub(1))).collect();
                format!("(list {})", items.join(" "))
            }
        }
    }

    fn map(&mut self, depth: usize) -> String {
        if self.rng.one_in(6) {
            return "(dict)".to_owned();
        }
        let mut out = String::from("(dict");
        for _ in 0..=self.rng.below(3) {
            let (key, value) = (self.arg('K', 0), self.arg('a', depth.saturating_sub(1)));
            out.push_str(&format!(" {key} {value}"));
        }
        out.push(')');
        out
    }

    /// A function call whose result usually has the type of the code.
    fn call(&mut self, wanted: Option<char>, depth: usize) -> String {
        let mut chosen = FUNCTIONS[self.rng.below(FUNCTIONS.len())];
        for _ in 0..400 {
            let result = chosen.1.chars().last();
            if wanted.is_none_or(|wanted| wanted == 'a' || result == Some(wanted)) {
                break;
            }
            chosen = FUNCTIONS[self.rng.below(FUNCTIONS.len())];
        }
        let (name, signature) = chosen;
        let (params, _) = signature.split_once('>').unwrap_or((signature, "a"));
        let mut args: Vec<String> = Vec::new();
        let mut codes = params.chars();
        while let Some(code) = codes.next() {
            if code == '*' {
                let code = codes.next().unwrap_or('a');
                for _ in 0..self.rng.below(4) {
                    let arg = self.arg(code, depth);
                    args.push(arg);
                }
            } else {
                let arg = self.arg(code, depth);
                args.push(arg);
            }
        }
        if self.rng.one_in(150) {
            args.pop();
        }
        match args.pop() {
            // The last argument may come through a pipe.
            Some(last) if self.rng.one_in(3) => {
                let last = last
                    .strip_prefix('(')
                    .and_then(|l| l.strip_suffix(')'))
                    .filter(|l| !l.contains([')', '"', '`']))
                    .unwrap_or(&last)
                    .to_owned();
                format!("{last} | {}", joined(name, &args))
            }
            Some(last) => {
                args.push(last);
                joined(name, &args)
            }
            None => name.to_owned(),
        }
    }

    fn expression(&mut self, depth: usize) -> String {
        match self.rng.below(12) {
            0 => self.path('a'),
            1 => self.arg('a', depth),
            2 => {
                let (value, fallback) = (self.path('a'), self.arg('a', 0));
                format!("{value} | default {fallback}")
            }
            3 => format!(
                "{} | {}",
                self.call(None, depth),
                self.pick(&[
                    "toJson",
                    "quote",
                    "toYaml | nindent 2",
                    "typeOf",
                    "toString | upper",
                    "kindOf",
                    "printf \"%T %v\" 1"
                ])
            ),
            _ => self.call(None, depth),
        }
    }

    fn open(&mut self) -> &'static str {
        if self.rng.one_in(6) { "{{- " } else { "{{ " }
    }

    fn close(&mut self) -> &'static str {
        if self.rng.one_in(6) { " -}}" } else { " }}" }
    }

    fn action(&mut self, inner: &str) -> String {
        format!("{}{inner}{}", self.open(), self.close())
    }

    fn block(&mut self, depth: usize) -> String {
        let count = self.rng.below(3);
        let mut out = self.pick(pools::TEXTS).replace("{", "").to_owned();
        for _ in 0..count {
            out.push_str(&self.statement(depth));
        }
        out
    }

    fn statement(&mut self, depth: usize) -> String {
        let text = self.pick(pools::TEXTS).replace('{', "( ");
        let kind = if depth == 0 { self.rng.below(6) } else { self.rng.below(16) };
        let body = match kind {
            0..=5 => {
                let inner = self.expression(2);
                self.action(&inner)
            }
            6 => self.assignment(),
            7 | 8 => self.conditional(depth - 1),
            9 | 10 => self.range(depth - 1),
            11 => self.with(depth - 1),
            12 if self.includes => {
                let name = self.pick(&["p.one", "p.two", "p.two", "p.rec", "p.none"]);
                // Printing the root shows an address in Go.
                let data = if name == "p.rec" { self.arg('l', 1) } else { self.data() };
                let call = format!("include {} {data}", self.quoted(name));
                let pipe = self.pick(&["", " | indent 2", " | trim | quote", " | fromYaml | toJson"]);
                self.action(&format!("{call}{pipe}"))
            }
            13 if self.includes => {
                let (name, data) = (self.pick(&["p.one", "p.two", "p.two"]), self.data());
                self.action(&format!("template \"{name}\" {data}"))
            }
            14 => {
                let inner = self.expression(1);
                let text = format!("{{{{ {inner} }}}}");
                let quoted = self.quoted(&text);
                self.action(&format!("tpl {quoted} {}", if self.loops > 0 { "$" } else { "." }))
            }
            _ => self.oddity(),
        };
        format!("{text}{body}")
    }

    /// What a definition is called with: the root most of the time, so that its paths work.
    fn data(&mut self) -> String {
        if self.rng.one_in(4) { self.arg('a', 1) } else { "$".to_owned() }
    }

    fn assignment(&mut self) -> String {
        let value = self.expression(2);
        if !self.vars.is_empty() && self.rng.one_in(3) {
            let at = self.rng.below(self.vars.len());
            let name = self.vars[at].clone();
            return self.action(&format!("{name} = {value}"));
        }
        let name = format!("$v{}", self.vars.len());
        let out = self.action(&format!("{name} := {value}"));
        self.vars.push(name);
        out
    }

    fn scoped(&mut self, f: impl FnOnce(&mut Self) -> String) -> String {
        let known = self.vars.len();
        let out = f(self);
        self.vars.truncate(known);
        out
    }

    fn conditional(&mut self, depth: usize) -> String {
        self.scoped(|g| {
            let test = g.expression(1);
            let mut out = g.action(&format!("if {test}"));
            out.push_str(&g.scoped(|g| g.block(depth)));
            if g.rng.one_in(3) {
                let test = g.expression(1);
                out.push_str(&g.action(&format!("else if {test}")));
                out.push_str(&g.scoped(|g| g.block(depth)));
            }
            if g.rng.one_in(2) {
                out.push_str(&g.action("else"));
                out.push_str(&g.scoped(|g| g.block(depth)));
            }
            out.push_str(&g.action("end"));
            out
        })
    }

    fn range(&mut self, depth: usize) -> String {
        self.scoped(|g| {
            let code = *[&'l', &'l', &'m', &'n', &'a'][g.rng.below(5)];
            let over = if code == 'a' { g.path('a') } else { g.arg(code, 1) };
            let vars = match g.rng.below(4) {
                0 => "$k, $e := ",
                1 => "$e := ",
                _ => "",
            };
            let mut out = g.action(&format!("range {vars}{over}"));
            if vars.contains("$k") {
                g.vars.push("$k".to_owned());
            }
            if vars.contains("$e") {
                g.vars.push("$e".to_owned());
            }
            g.loops += 1;
            if g.rng.one_in(8) {
                let test = g.expression(0);
                let jump = g.pick(&["break", "continue"]);
                out.push_str(&format!("{{{{ if {test} }}}}{{{{ {jump} }}}}{{{{ end }}}}"));
            }
            out.push_str("[{{ . }}]");
            out.push_str(&g.block(depth));
            g.loops -= 1;
            if g.rng.one_in(4) {
                out.push_str(&g.action("else"));
                out.push_str("none");
            }
            out.push_str(&g.action("end"));
            out
        })
    }

    fn with(&mut self, depth: usize) -> String {
        self.scoped(|g| {
            let value = g.arg('a', 1);
            let mut out = if g.rng.one_in(2) {
                let out = g.action(&format!("with $w := {value}"));
                g.vars.push("$w".to_owned());
                out
            } else {
                g.action(&format!("with {value}"))
            };
            g.loops += 1;
            out.push_str("<{{ . }}>");
            out.push_str(&g.block(depth));
            g.loops -= 1;
            if g.rng.one_in(3) {
                let value = g.expression(0);
                out.push_str(&g.action(&format!("else with {value}")));
                out.push_str("two");
            }
            if g.rng.one_in(3) {
                out.push_str(&g.action("else"));
                out.push_str("not");
            }
            out.push_str(&g.action("end"));
            out
        })
    }

    /// Odd spellings of the lexer and parser, some of them errors.
    fn oddity(&mut self) -> String {
        if !self.includes {
            return "{{ .Values.int }}{{- /* c */ -}} x".to_owned();
        }
        let pool = [
            "{{/* comment */}}",
            "{{- /* c */ -}}",
            "{{ \"a\" -}}  \n  x",
            "a  {{- 1 -}}  b",
            "{{ 3 }}{{- 4 }}",
            "{{ .Values.map.missing.deep }}",
            "{{ (index .Values.list 0) }}",
            "{{ index .Values.list 99 }}",
            "{{ .Values.str.field }}",
            "{{ nil }}",
            "{{ 'x' }}",
            "{{ \"\\x41\\u00e9\\101\" }}",
            "{{ 1.5e3 }}{{ 0x1p4 }}{{ 1_0.5 }}",
            "{{ printf \"%d\" 3 | len }}",
            "{{ $.Values.str }}",
            "{{ .Values.list | len }}",
            "{{ end }}",
            "{{ if }}{{ end }}",
            "{{ nofunc 1 }}",
            "{{ $undefined }}",
            "{{ .Values.map.k }}{{ .Values.map.a }}",
            "{{ range $i, $e := .Values.list }}{{ $i }}={{ $e }};{{ end }}",
            "{{ define \"x\" }}in define{{ end }}{{ template \"x\" }}",
            "{{ block \"blk\" .Values.int }}b{{ . }}{{ end }}",
            "{{ (.Values.map).a }}",
            "{{ ((1)) }}",
            "{{ true }}{{ false }}",
            "{{ and }}",
            "{{ not true | not }}",
            "{{ .Files.Get \"nope\" }}",
            "{{ .Files.Get \"f.txt\" }}",
            "{{ .Files.Lines \"f.txt\" | toJson }}",
            "{{ (.Files.Glob \"*.txt\").AsConfig }}",
            "{{ (.Files.Glob \"**\").AsSecrets | nindent 2 }}",
            "{{ .Capabilities.APIVersions.Has \"apps/v1\" }}",
            "{{ .Capabilities.KubeVersion }}",
            "{{ .Capabilities.KubeVersion.Minor }}",
            "{{ .Chart.AppVersion }}",
            "{{ .Chart.appVersion }}",
            "{{ .Release | toJson }}",
            "{{ (semver \"1.2.3-x+y\").Prerelease }}",
            "{{ (semver \"v1.2.3\").IncMinor }}",
            "{{ (semver \"1.2\").Original }}",
            "{{ (toDate \"2006-01-02\" \"2021-03-04\").Year }}",
            "{{ (toDate \"2006-01-02\" \"2021-03-04\").Weekday }}",
            "{{ (toDate \"2006-01-02\" \"2021-03-04\").AddDate 0 1 -1 }}",
            "{{ ((mustToDuration \"90m\")).Hours }}",
            "{{ printf \"%v %T\" (mustToDuration \"90m\") (mustToDuration \"1s\") }}",
            "{{ kindOf (mustToDuration \"1s\") }}",
            "{{ (urlParse \"http://a/b\").host }}",
            "{{ .Values.nested.a.b.c }}",
            "{{ .Values.nested.a.s.t }}",
            "{{ with .Values.map }}{{ .a }}{{ end }}",
            "{{ len .Values.missing }}",
            "{{ .Values.missing.x }}",
            "{{ range 3 }}{{ . }}{{ end }}",
            "{{ range .Values.int }}{{ . }}{{ end }}",
            "{{ range $x := until 3 }}{{ $x }}{{ else }}e{{ end }}",
            "{{ break }}",
            "{{-1}}",
            "{{- 1 -}}",
            "{{1|add 2}}",
            "{{ \"unterminated }}",
            "{{ `raw\nline` }}",
            "{{ 1 2 }}",
            "{{ .Values.a | }}",
            "{{ | quote }}",
            "{{ (1).x }}",
            "{{ .Values.strs | join \",\" }}",
            "{{\"a\"|quote|squote}}",
            "{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ end }}{{ $x }}",
            "{{ $x := 1 }}{{ if true }}{{ $x := 2 }}{{ end }}{{ $x }}",
            "{{ set .Values.map \"new\" 1 | toJson }}{{ .Values.map.new }}",
            "{{ $m := dict \"a\" (dict \"b\" 1) }}{{ $n := merge (dict) $m }}{{ $_ := set $n.a \"b\" 2 }}{{ $m.a.b }}",
            "{{ dict \"a\" 1 | dig \"a\" \"x\" }}",
            "{{ dig \"a\" \"b\" \"d\" .Values }}",
            "{{ .Values.map | keys | sortAlpha | join \",\" }}",
            "{{ .Values.list | toYaml | indent 4 }}",
            "{{ .Values | toYaml | sha256sum }}",
            "{{ .Values.multi | nindent 4 }}",
            "{{ .Values.date }}",
            "{{ .Values.any | toYaml }}",
            "{{ tpl .Values.text . }}",
            "{{ include \"p.one\" . | nindent 2 }}",
            "{{ fail \"no\" }}",
            "{{ required \"need\" .Values.missing }}",
            "{{ required \"need\" .Values.str }}",
            "{{ lookup \"v1\" \"Pod\" \"\" \"\" }}",
            "{{ (lookup \"v1\" \"Pod\" \"ns\" \"n\").items }}",
            "{{ eq .Values.int 3 }}",
            "{{ eq 1 1.0 }}",
            "{{ lt 1 \"a\" }}",
            "{{ eq nil .Values.missing }}",
            "{{ gt .Values.float 1 }}",
            "{{ printf \"%s\" .Values.list }}",
            "{{ printf \"%d\" .Values.int }}",
            "{{ .Values.int | int }}",
            "{{ .Values.int | trunc 3 }}",
            "{{ trunc .Values.int \"abc\" }}",
            "{{ print 1 2 \"a\" 3 nil }}",
            "{{ println }}",
            "{{ .Subcharts }}",
            "{{ .Template.BasePath }}",
            "{{ .Release.Service }}{{ .Release.Revision }}",
            "{{ slice \"abc\" 1 2 }}",
            "{{ slice (list 1 2 3) 1 }}",
            "{{ call .Values.str }}",
            "{{ html \"<a>\" }}{{ js \"'\" }}{{ urlquery \"a b\" }}",
        ];
        self.pick(&pool).to_owned()
    }

    fn partials(&mut self) -> String {
        let one = self.scoped(|g| g.block(1));
        let two = self.scoped(|g| {
            g.loops += 1;
            let inner = g.expression(1);
            g.loops -= 1;
            format!("two {{{{ {inner} }}}}")
        });
        // Inside a template, `$` is its argument, which need not be the root: most paths then fail in both.
        let one = one.replace("$v", "$.v");
        let two = two.replace("$v", "$.v");
        format!(
            "{{{{- define \"p.one\" -}}}}\none: {{{{ kindOf . }}}}\n{one}{{{{- end -}}}}\n{{{{ define \"p.two\" }}}}{two}{{{{ end }}}}\n\
             {{{{ define \"p.rec\" }}}}{{{{ if kindIs \"slice\" . }}}}({{{{ range . }}}}{{{{ include \"p.rec\" . }}}}{{{{ end }}}}){{{{ else }}}}{{{{ . }}}}{{{{ end }}}}{{{{ end }}}}\n"
        )
    }

    /// Values with one key for each type, and random contents.
    fn values(&mut self) -> String {
        let mut out = String::new();
        let mut put = |key: &str, value: String| out.push_str(&format!("{key}: {value}\n"));
        put("str", self.scalar_text());
        put("int", (self.rng.below(20) as i64 - 3).to_string());
        put(
            "float",
            self.pick(&["1.5", "0.1", "-3.25", "1e3", "1e21", "100000000", "12345678.9", "0.000001", "1e-7", "2.0"])
                .to_owned(),
        );
        put("flag", self.pick(&["true", "false", "yes", "on"]).to_owned());
        put("off", "false".to_owned());
        put("nul", self.pick(&["null", "~", ""]).to_owned());
        put("any", self.yaml_value(2));
        let items: Vec<String> = (0..self.rng.below(4)).map(|_| self.yaml_value(1)).collect();
        put("list", format!("[{}]", items.join(", ")));
        put("strs", self.pick(&["[b, a, c]", "['x']", "[a, '', b]", "[\"1\", \"2\"]"]).to_owned());
        put("maps", format!("[{{name: a, v: {}}}, {{name: b}}]", self.rng.below(9)));
        let (a, k) = (self.yaml_value(1), self.yaml_value(0));
        put("map", format!("{{a: {a}, k: {k}, b: {{c: d}}}}"));
        let s = self.scalar_text();
        put("nested", format!("{{a: {{b: {{c: 1}}, s: {s}, n: 7}}, l: [1, [2, 3]]}}"));
        put("empty", "{}".to_owned());
        put("emptyList", "[]".to_owned());
        put("text", "'{{ .Release.Name }}-{{ 1 | add 2 }}'".to_owned());
        put("date", self.pick(&["2021-01-02", "2021-01-02T03:04:05Z", "'2021-01-02'"]).to_owned());
        out.push_str("multi: |\n  line one\n    indented\n\n  last\n");
        out
    }

    /// A scalar in YAML's double quotes, or one of the plain ones that YAML reads in a special way.
    fn scalar_text(&mut self) -> String {
        if self.rng.one_in(4) {
            let pool = [
                "plain text",
                "yes",
                "0755",
                "1_000",
                "~",
                "1e3",
                "0x1F",
                "12:30",
                "2001-01-01",
                "!!str 1",
                "'single'",
                "n",
                "-",
                "a#b",
                "1.0",
                "Null",
            ];
            return self.pick(&pool).to_owned();
        }
        let text = self.pick(pools::STRINGS);
        serde_json::to_string(text).unwrap_or_default()
    }

    fn yaml_value(&mut self, depth: usize) -> String {
        match self.rng.below(if depth == 0 { 6 } else { 9 }) {
            0..=2 => self.scalar_text(),
            3 => self.pick(&["1", "-7", "2.5", "0", "1e10", "100000000000000000000", "0.1"]).to_owned(),
            4 => self.pick(&["true", "false"]).to_owned(),
            5 => "null".to_owned(),
            6 => {
                let items: Vec<String> = (0..self.rng.below(3)).map(|_| self.yaml_value(depth - 1)).collect();
                format!("[{}]", items.join(", "))
            }
            _ => {
                let items: Vec<String> = (0..self.rng.below(3))
                    .map(|_| {
                        let key = self.pick(&["a", "b", "\"x.y\"", "\"key with space\"", "1", "true", "\"\"", "z"]);
                        format!("{key}: {}", self.yaml_value(depth - 1))
                    })
                    .collect();
                format!("{{{}}}", items.join(", "))
            }
        }
    }
}

fn joined(name: &str, args: &[String]) -> String {
    let mut out = name.to_owned();
    for arg in args {
        out.push(' ');
        out.push_str(arg);
    }
    out
}
