//! Seeded random numbers (SplitMix64): the same seed gives the same requests on every machine.

use serde_json::Value;

/// A generator.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// A generator with this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `n`; 0 when `n` is 0.
    pub fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.number() % (n.max(1) as u64)).unwrap_or(0)
    }

    /// True in `percent` of 100 cases.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of the items; `None` of an empty slice.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        items.get(self.below(items.len()))
    }

    /// One of the texts.
    pub fn word(&mut self, items: &[&'static str]) -> &'static str {
        self.pick(items).copied().unwrap_or_default()
    }

    /// A value of a type that may not fit: what hostile and careless clients send.
    pub fn odd_value(&mut self) -> Value {
        let values = [
            Value::Null,
            Value::Bool(true),
            Value::from(-1),
            Value::from(70_000),
            Value::from(1.5),
            Value::from(""),
            Value::from("Not A Name!"),
            Value::from("a".repeat(300)),
            Value::Array(Vec::new()),
            serde_json::json!([1, "a"]),
            serde_json::json!({}),
            serde_json::json!({"x": "y"}),
        ];
        self.pick(&values).cloned().unwrap_or_default()
    }
}
