//! Sprig's `crypto.go` without certificates: digests, password hashes, AES, random bytes.

use aes::Aes256;
use bcrypt::Version;
use cbc::cipher::block_padding::{NoPadding, Pkcs7};
use cbc::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

use crate::value::{Env, FuncError, Function, IntKind, Str, Value};

use super::args::{Args, FromArg, Outcome, count, function};
use super::encoding::{base64_decode, base64_encode};
use super::text::find;

/// bcrypt's default cost in Go.
const BCRYPT_COST: u32 = 10;
/// Longest password bcrypt reads.
const BCRYPT_MAX: usize = 72;
/// What a hash or key derivation costs of the render's budget: they take a noticeable part of a second.
const SLOW_HASH_CHARGE: u64 = 1 << 20;
const AES_BLOCK: usize = 16;

pub(super) static FUNCTIONS: &[Function] = &[
    function!("sha1sum", |s: &Str| hex(&Sha1::digest(s.as_bytes())), (&Str)),
    function!("sha256sum", |s: &Str| hex(&Sha256::digest(s.as_bytes())), (&Str)),
    function!("sha512sum", |s: &Str| hex(&Sha512::digest(s.as_bytes())), (&Str)),
    function!("adler32sum", |s: &Str| adler2::adler32_slice(s.as_bytes()).to_string(), (&Str)),
    function!("bcrypt", env bcrypt_text, (&Str)),
    function!("htpasswd", env htpasswd, (&Str, &Str)),
    function!("derivePassword", env derive_password, (Counter, &Str, &Str, &Str, &Str)),
    function!("encryptAES", env encrypt_aes, (&Str, &Str)),
    function!("decryptAES", decrypt_aes, (&Str, &Str)),
    function!("randBytes", env rand_bytes, (i64)),
    function!("uuidv4", env uuidv4, ()),
];

fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

fn bcrypt_text(env: &dyn Env, password: &Str) -> Result<String, FuncError> {
    env.charge(SLOW_HASH_CHARGE)?;
    if password.len() > BCRYPT_MAX {
        return Ok("failed to encrypt string with bcrypt: bcrypt: password length exceeds 72 bytes".to_owned());
    }
    let mut salt = [0; 16];
    env.random(&mut salt);
    Ok(match bcrypt::hash_with_salt(password.as_bytes(), BCRYPT_COST, salt) {
        Ok(hash) => hash.format_for_version(Version::TwoA),
        Err(error) => format!("failed to encrypt string with bcrypt: {error}"),
    })
}

fn htpasswd(env: &dyn Env, user: &Str, password: &Str) -> Result<Vec<u8>, FuncError> {
    if user.as_bytes().contains(&b':') {
        return Ok([b"invalid username: ", user.as_bytes()].concat());
    }
    Ok([user.as_bytes(), b":", bcrypt_text(env, password)?.as_bytes()].concat())
}

/// Go `uint32`; a template's integer constant fits any integer type.
struct Counter(u32);

impl FromArg<'_> for Counter {
    fn from_arg(value: &Value) -> Result<Self, FuncError> {
        let number = match value {
            Value::Int(n, IntKind::Int) => u32::try_from(*n).ok(),
            _ => None,
        };
        number.map(Self).ok_or_else(|| FuncError::WrongType {
            expected: "uint32",
            got: crate::value::kind::type_name(value).into_owned(),
        })
    }
}

/// The templates of a password type: each letter names a set of characters.
fn password_templates(kind: &[u8]) -> Option<&'static [&'static str]> {
    Some(match kind {
        b"maximum" => &["anoxxxxxxxxxxxxxxxxx", "axxxxxxxxxxxxxxxxxno"],
        b"long" => &[
            "CvcvnoCvcvCvcv",
            "CvcvCvcvnoCvcv",
            "CvcvCvcvCvcvno",
            "CvccnoCvcvCvcv",
            "CvccCvcvnoCvcv",
            "CvccCvcvCvcvno",
            "CvcvnoCvccCvcv",
            "CvcvCvccnoCvcv",
            "CvcvCvccCvcvno",
            "CvcvnoCvcvCvcc",
            "CvcvCvcvnoCvcc",
            "CvcvCvcvCvccno",
            "CvccnoCvccCvcv",
            "CvccCvccnoCvcv",
            "CvccCvccCvcvno",
            "CvcvnoCvccCvcc",
            "CvcvCvccnoCvcc",
            "CvcvCvccCvccno",
            "CvccnoCvcvCvcc",
            "CvccCvcvnoCvcc",
            "CvccCvcvCvccno",
        ],
        b"medium" => &["CvcnoCvc", "CvcCvcno"],
        b"short" => &["Cvcn"],
        b"basic" => &["aaanaaan", "aannaaan", "aaannaaa"],
        b"pin" => &["nnnn"],
        _ => return None,
    })
}

fn password_characters(class: u8) -> &'static [u8] {
    match class {
        b'V' => b"AEIOU",
        b'C' => b"BCDFGHJKLMNPQRSTVWXYZ",
        b'v' => b"aeiou",
        b'c' => b"bcdfghjklmnpqrstvwxyz",
        b'A' => b"AEIOUBCDFGHJKLMNPQRSTVWXYZ",
        b'a' => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz",
        b'n' => b"0123456789",
        b'o' => b"@&%?,=[]_:-+*$#!'^~;()/.",
        _ => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz0123456789!@#$%^&*()",
    }
}

/// The Master Password algorithm.
fn derive_password(
    env: &dyn Env,
    counter: Counter,
    kind: &Str,
    password: &Str,
    user: &Str,
    site: &Str,
) -> Result<Vec<u8>, FuncError> {
    const SEED: &[u8] = b"com.lyndir.masterpassword";
    let Some(templates) = password_templates(kind.as_bytes()) else {
        return Ok([b"cannot find password template ", kind.as_bytes()].concat());
    };
    env.charge(32 * SLOW_HASH_CHARGE)?;
    let length = |text: &Str| u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes();
    let failed = |error: String| FuncError::Message(format!("failed to derive password: {error}"));
    let salt = [SEED, &length(user), user.as_bytes()].concat();
    let params = scrypt::Params::new(15, 8, 2).map_err(|error| failed(error.to_string()))?;
    let mut key = [0u8; 64];
    scrypt::scrypt(password.as_bytes(), &salt, &params, &mut key).map_err(|error| failed(error.to_string()))?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).map_err(|error| failed(error.to_string()))?;
    mac.update(&[SEED, &length(site), site.as_bytes(), &counter.0.to_be_bytes()].concat());
    let seed = mac.finalize().into_bytes();
    let (first, rest) = seed.split_first().ok_or_else(|| failed("empty seed".to_owned()))?;
    let template = templates[usize::from(*first) % templates.len()];
    let pick = |(class, byte): (u8, &u8)| {
        let characters = password_characters(class);
        characters[usize::from(*byte) % characters.len()]
    };
    Ok(template.bytes().zip(rest).map(pick).collect())
}

/// Sprig pads or cuts the password to the key size.
fn aes_key(password: &Str) -> [u8; 32] {
    let mut key = [0; 32];
    key.iter_mut().zip(password.as_bytes()).for_each(|(slot, byte)| *slot = *byte);
    key
}

fn encrypt_aes(env: &dyn Env, password: &Str, text: &Str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let mut iv = [0; AES_BLOCK];
    env.random(&mut iv);
    let cipher = cbc::Encryptor::<Aes256>::new(&aes_key(password).into(), &iv.into());
    let encrypted = cipher.encrypt_padded_vec::<Pkcs7>(text.as_bytes());
    base64_encode(&[iv.as_slice(), &encrypted].concat())
}

fn decrypt_aes(password: &Str, text: &Str) -> Result<Vec<u8>, FuncError> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let bytes = base64_decode(text.as_bytes()).map_err(FuncError::msg)?;
    let Some((iv, encrypted)) = bytes.split_first_chunk::<AES_BLOCK>() else {
        return Err(FuncError::msg(format!(
            "runtime error: slice bounds out of range [:{AES_BLOCK}] with capacity {}",
            bytes.len()
        )));
    };
    let cipher = cbc::Decryptor::<Aes256>::new(&aes_key(password).into(), &(*iv).into());
    let mut plain = cipher
        .decrypt_padded_vec::<NoPadding>(encrypted)
        .map_err(|_| FuncError::msg("crypto/cipher: input not full blocks"))?;
    let padding = plain.last().copied().map(usize::from);
    let padding = padding.ok_or_else(|| FuncError::msg("runtime error: index out of range [-1]"))?;
    let kept = plain.len().checked_sub(padding).ok_or_else(|| {
        FuncError::msg(format!("runtime error: slice bounds out of range [:-{}]", padding - plain.len()))
    })?;
    plain.truncate(kept);
    Ok(plain)
}

fn rand_bytes(env: &dyn Env, count: i64) -> Result<String, FuncError> {
    let count = u64::try_from(count).map_err(|_| FuncError::msg("runtime error: makeslice: len out of range"))?;
    env.charge(count.saturating_mul(3))?;
    let mut bytes = vec![0; usize::try_from(count).unwrap_or(0)];
    env.random(&mut bytes);
    Ok(base64_encode(&bytes))
}

fn uuidv4(env: &dyn Env) -> String {
    let mut bytes = [0; 16];
    env.random(&mut bytes);
    uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
}

/// One PEM block.
pub(super) fn pem_encode(label: &str, der: &[u8]) -> String {
    let body = base64_encode(der);
    let mut out = format!("-----BEGIN {label}-----\n");
    for line in body.as_bytes().chunks(64) {
        out.push_str(&String::from_utf8_lossy(line));
        out.push('\n');
    }
    out + &format!("-----END {label}-----\n")
}

/// The label and contents of the first PEM block in a text, headers left out.
pub(super) fn pem_decode(text: &[u8]) -> Option<(String, Vec<u8>)> {
    let start = find(text, b"-----BEGIN ")?;
    let rest = &text[start + 11..];
    let label_end = find(rest, b"-----")?;
    let label = String::from_utf8_lossy(&rest[..label_end]).into_owned();
    let rest = &rest[label_end + 5..];
    let end = find(rest, format!("-----END {label}-----").as_bytes())?;
    let lines = rest[..end].split(|b| *b == b'\n').filter(|line| !line.contains(&b':'));
    let body: Vec<u8> = lines.flatten().copied().filter(|b| !b.is_ascii_whitespace()).collect();
    Some((label, base64_decode(&body).ok()?))
}
