//! Base 64 and base 32 as Go decodes them: line ends are skipped and an error names the byte it is at.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use data_encoding::BASE32;

/// `base64.StdEncoding.EncodeToString`.
pub(super) fn base64_encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// `base32.StdEncoding.EncodeToString`.
pub(super) fn base32_encode(bytes: &[u8]) -> String {
    BASE32.encode(bytes)
}

fn corrupt(base: u32, at: usize) -> Cow<'static, str> {
    Cow::Owned(format!("illegal base{base} data at input byte {at}"))
}

fn base64_digit(byte: u8) -> Option<u32> {
    Some(u32::from(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    }))
}

/// `base64.StdEncoding.DecodeString`; the error is Go's text.
pub(super) fn base64_decode(source: &[u8]) -> Result<Vec<u8>, Cow<'static, str>> {
    let mut out = Vec::with_capacity(source.len() / 4 * 3);
    let (mut bits, mut held) = (0u32, 0usize);
    let mut at = 0;
    while let Some(byte) = source.get(at) {
        at += 1;
        match (byte, base64_digit(*byte)) {
            (_, Some(digit)) => {
                bits = bits << 6 | digit;
                held += 1;
                if held == 4 {
                    out.extend_from_slice(&bits.to_be_bytes()[1..]);
                    (bits, held) = (0, 0);
                }
            }
            (b'\r' | b'\n', _) => {}
            (b'=', _) => {
                base64_padding(source, at, held)?;
                let all = (bits << (6 * (4 - held))).to_be_bytes();
                out.extend_from_slice(&all[1..held]);
                return Ok(out);
            }
            _ => return Err(corrupt(64, at - 1)),
        }
    }
    if held == 0 { Ok(out) } else { Err(corrupt(64, source.len() - held)) }
}

/// Checks what follows the first `=` (the byte before `at`) after `held` digits of the last group.
fn base64_padding(source: &[u8], mut at: usize, held: usize) -> Result<(), Cow<'static, str>> {
    let newline = |at: usize| matches!(source.get(at), Some(b'\r' | b'\n'));
    match held {
        0 | 1 => return Err(corrupt(64, at - 1)),
        2 => {
            while newline(at) {
                at += 1;
            }
            match source.get(at) {
                None => return Err(corrupt(64, source.len())),
                Some(b'=') => at += 1,
                Some(_) => return Err(corrupt(64, at - 1)),
            }
        }
        _ => {}
    }
    while newline(at) {
        at += 1;
    }
    if at < source.len() { Err(corrupt(64, at)) } else { Ok(()) }
}

/// `base32.StdEncoding.DecodeString`; the error is Go's text, counting bytes without line ends.
pub(super) fn base32_decode(source: &[u8]) -> Result<Vec<u8>, Cow<'static, str>> {
    let source: Vec<u8> = source.iter().copied().filter(|b| !matches!(b, b'\r' | b'\n')).collect();
    let mut out = Vec::with_capacity(source.len() / 8 * 5);
    let (mut bits, mut held) = (0u64, 0usize);
    for (at, byte) in source.iter().enumerate() {
        let left = source.len() - at - 1;
        if *byte == b'=' && held >= 2 && left < 8 {
            base32_padding(&source, at, held)?;
            let all = (bits << (5 * (8 - held))).to_be_bytes();
            out.extend_from_slice(&all[3..3 + held * 5 / 8]);
            return Ok(out);
        }
        let digit = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'2'..=b'7' => byte - b'2' + 26,
            _ => return Err(corrupt(32, at)),
        };
        bits = bits << 5 | u64::from(digit);
        held += 1;
        if held == 8 {
            out.extend_from_slice(&bits.to_be_bytes()[3..]);
            (bits, held) = (0, 0);
        }
    }
    if held == 0 { Ok(out) } else { Err(corrupt(32, source.len() - held)) }
}

/// Checks the padding that starts at `at` after `held` digits of the last group.
fn base32_padding(source: &[u8], at: usize, held: usize) -> Result<(), Cow<'static, str>> {
    let after = &source[at + 1..];
    if after.len() + held < 7 {
        return Err(corrupt(32, source.len()));
    }
    if let Some(wrong) = after.iter().take(7 - held).position(|b| *b != b'=') {
        return Err(corrupt(32, at + wrong));
    }
    if matches!(held, 1 | 3 | 6) { Err(corrupt(32, at)) } else { Ok(()) }
}
