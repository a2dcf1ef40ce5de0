//! Finding short marks in texts.
//!
//! A search library first asks the processor what it can do, which takes longer than rendering a small template; this
//! needs no more than the compiler's own vector code.

/// Bytes looked at together.
const PIECE: usize = 32;

/// Where the first `needle`, of at least one byte, starts.
pub(crate) fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    let first = *needle.first()?;
    let mut from = 0;
    loop {
        let rest = haystack.get(from..)?;
        let at = position(rest, first)?;
        if rest.get(at..)?.starts_with(needle) {
            return Some(from + at);
        }
        from += at + 1;
    }
}

fn position(haystack: &[u8], byte: u8) -> Option<usize> {
    let pieces = haystack.chunks(PIECE);
    let has_it = |piece: &&[u8]| piece.iter().fold(false, |any, &b| any | (b == byte));
    let skipped = pieces.take_while(|piece| !has_it(piece)).count() * PIECE;
    let rest = haystack.get(skipped..)?;
    rest.iter().position(|&b| b == byte).map(|at| skipped + at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_first_wherever_it_is() {
        for length in [0, 1, 31, 32, 33, 64, 100] {
            let mut text = vec![b'{'; length];
            assert_eq!(find(&text, b"{ }"), None);
            text.extend_from_slice(b" {{ }}");
            let want = if length < 2 { length + 1 } else { 0 };
            assert_eq!(find(&text, b"{{"), Some(want), "{length}");
            assert_eq!(find(&text, b"}}"), Some(length + 4), "{length}");
            assert_eq!(find(&text, b"}}}"), None);
        }
    }
}
