//! Private keys for `genPrivateKey` and the certificate functions: making, reading, writing, signing.

use ed25519_dalek::pkcs8::{DecodePrivateKey as _, EncodePublicKey as _};
use p256::elliptic_curve::sec1::ToSec1Point as _;
use rsa::pkcs1::{DecodeRsaPrivateKey as _, EncodeRsaPrivateKey as _};
use rsa::pkcs8::{DecodePrivateKey as _, EncodePublicKey as _};
use rsa::signature::{SignatureEncoding as _, Signer as _};
use rsa::{BigUint, RsaPrivateKey};

use crate::value::{Env, FuncError, Function, Str};

use super::args::{Args, Outcome, count, function};
use super::crypto::{pem_decode, pem_encode};
use super::primes::{EXPONENT, big_endian, prime};

/// What making an RSA key costs of the render's budget.
const KEY_CHARGE: u64 = 1 << 20;

pub(super) static FUNCTIONS: &[Function] = &[function!("genPrivateKey", env gen_private_key, (&Str))];

/// A private key.
pub(super) enum PrivateKey {
    Rsa(Box<RsaPrivateKey>),
    P256(p256::SecretKey),
    Ed25519(Box<ed25519_dalek::SigningKey>),
    /// A well-formed PEM key of a kind that cannot be used here, such as another curve: its label.
    Other(String),
}

/// Sizes of RSA keys that Sprig makes.
#[derive(Clone, Copy)]
pub(super) enum RsaBits {
    /// For certificates.
    B2048,
    /// `genPrivateKey "rsa"`.
    B4096,
}

fn gen_private_key(env: &dyn Env, kind: &Str) -> Result<String, FuncError> {
    let key = match kind.as_bytes() {
        b"" | b"rsa" => PrivateKey::rsa(env, RsaBits::B4096)?,
        b"ecdsa" => PrivateKey::p256(env),
        b"ed25519" => {
            let mut seed = [0; 32];
            env.random(&mut seed);
            PrivateKey::Ed25519(Box::new(ed25519_dalek::SigningKey::from_bytes(&seed)))
        }
        b"dsa" => {
            return Err(FuncError::msg(
                "genPrivateKey \"dsa\" is not supported: DSA keys are obsolete; use \"rsa\", \"ecdsa\" or \"ed25519\"",
            ));
        }
        other => return Ok(format!("Unknown type {}", String::from_utf8_lossy(other))),
    };
    key.to_pem()
}

fn unusable(kind: &str) -> FuncError {
    FuncError::Message(format!("this kind of {kind} is not supported: use an RSA, P-256 or Ed25519 key"))
}

/// The fixed frame of a P-256 key in SEC 1 form, before the number and before the point.
const P256_FRAME: (&[u8], &[u8]) = (
    &[0x30, 0x77, 0x02, 0x01, 0x01, 0x04, 0x20],
    &[0xa0, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0xa1, 0x44, 0x03, 0x42, 0x00],
);
/// The fixed frame of an Ed25519 key in PKCS #8 form, before the seed.
const ED25519_FRAME: &[u8] =
    &[0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

impl PrivateKey {
    /// A new RSA key.
    pub(super) fn rsa(env: &dyn Env, bits: RsaBits) -> Result<Self, FuncError> {
        env.charge(KEY_CHARGE)?;
        let prime = || match bits {
            RsaBits::B2048 => BigUint::from_bytes_be(&big_endian(&prime::<16>(env))),
            RsaBits::B4096 => BigUint::from_bytes_be(&big_endian(&prime::<32>(env))),
        };
        RsaPrivateKey::from_p_q(prime(), prime(), EXPONENT.into())
            .map(|key| Self::Rsa(Box::new(key)))
            .map_err(|error| FuncError::Message(format!("error generating rsa key: {error}")))
    }

    fn p256(env: &dyn Env) -> Self {
        loop {
            let mut bytes = [0; 32];
            env.random(&mut bytes);
            // All but a vanishing part of 256-bit numbers are keys.
            if let Ok(key) = p256::SecretKey::from_slice(&bytes) {
                return Self::P256(key);
            }
        }
    }

    /// Sprig's `parsePrivateKeyPEM`.
    pub(super) fn parse(pem: &[u8]) -> Result<Self, String> {
        let (label, der) = pem_decode(pem).ok_or("no PEM data in input")?;
        let other = || Self::Other(label.clone());
        match label.as_str() {
            "PRIVATE KEY" => Self::from_pkcs8(&der).ok_or_else(|| "decoding PEM as PKCS#8: malformed key".to_owned()),
            "RSA PRIVATE KEY" => RsaPrivateKey::from_pkcs1_der(&der)
                .map(|key| Self::Rsa(Box::new(key)))
                .map_err(|error| format!("parsing RSA private key from PEM: {error}")),
            "EC PRIVATE KEY" => match p256::SecretKey::from_sec1_der(&der) {
                Ok(key) => Ok(Self::P256(key)),
                Err(_) if der.first() == Some(&0x30) => Ok(other()),
                Err(error) => Err(format!("parsing EC private key from PEM: {error}")),
            },
            "DSA PRIVATE KEY" => Ok(other()),
            _ => match label.strip_suffix(" PRIVATE KEY") {
                Some(kind) => Err(format!("invalid private key type {kind}")),
                None => Err(format!("no private key data in PEM block of type {label}")),
            },
        }
    }

    fn from_pkcs8(der: &[u8]) -> Option<Self> {
        if let Ok(key) = RsaPrivateKey::from_pkcs8_der(der) {
            return Some(Self::Rsa(Box::new(key)));
        }
        if let Ok(key) = p256::SecretKey::from_pkcs8_der(der) {
            return Some(Self::P256(key));
        }
        if let Ok(key) = ed25519_dalek::SigningKey::from_pkcs8_der(der) {
            return Some(Self::Ed25519(Box::new(key)));
        }
        (der.first() == Some(&0x30)).then(|| Self::Other("PRIVATE KEY".to_owned()))
    }

    /// The PEM form Sprig writes: PKCS #1, SEC 1 or PKCS #8.
    pub(super) fn to_pem(&self) -> Result<String, FuncError> {
        Ok(match self {
            Self::Rsa(key) => {
                let der = key.to_pkcs1_der().map_err(|error| FuncError::Message(error.to_string()))?;
                pem_encode("RSA PRIVATE KEY", der.as_bytes())
            }
            Self::P256(key) => {
                let point = key.public_key().to_sec1_point(false);
                let der = [P256_FRAME.0, key.to_bytes().as_slice(), P256_FRAME.1, point.as_bytes()].concat();
                pem_encode("EC PRIVATE KEY", &der)
            }
            Self::Ed25519(key) => pem_encode("PRIVATE KEY", &[ED25519_FRAME, key.as_bytes().as_slice()].concat()),
            Self::Other(kind) => return Err(unusable(kind)),
        })
    }

    /// The public key as a DER `SubjectPublicKeyInfo`.
    pub(super) fn public_der(&self) -> Result<Vec<u8>, FuncError> {
        let failed = |error: String| FuncError::Message(error);
        Ok(match self {
            Self::Rsa(key) => {
                key.to_public_key().to_public_key_der().map_err(|error| failed(error.to_string()))?.into_vec()
            }
            Self::P256(key) => {
                key.public_key().to_public_key_der().map_err(|error| failed(error.to_string()))?.into_vec()
            }
            Self::Ed25519(key) => {
                key.verifying_key().to_public_key_der().map_err(|error| failed(error.to_string()))?.into_vec()
            }
            Self::Other(kind) => return Err(unusable(kind)),
        })
    }

    /// Signs with the algorithm Go picks for the key: SHA-256 with RSA or ECDSA, or Ed25519.
    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, FuncError> {
        Ok(match self {
            Self::Rsa(key) => {
                let signer = rsa::pkcs1v15::SigningKey::<rsa::sha2::Sha256>::new((**key).clone());
                signer.sign(message).to_vec()
            }
            Self::P256(key) => {
                let signer = p256::ecdsa::SigningKey::from(key);
                let signature: p256::ecdsa::Signature = p256::ecdsa::signature::Signer::sign(&signer, message);
                signature.to_der().as_bytes().to_vec()
            }
            Self::Ed25519(key) => ed25519_dalek::Signer::sign(&**key, message).to_bytes().to_vec(),
            Self::Other(kind) => return Err(unusable(kind)),
        })
    }
}
