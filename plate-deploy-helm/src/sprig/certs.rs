//! Sprig's certificate functions, building the certificates Go's `x509.CreateCertificate` would.

use std::any::Any;
use std::net::IpAddr;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::der::asn1::{
    Any as Asn1Any, BitString, Ia5String, OctetString, PrintableString, SetOfVec, Utf8StringRef,
};
use x509_cert::der::asn1::{GeneralizedTime, ObjectIdentifier, UtcTime};
use x509_cert::der::oid::AssociatedOid;
use x509_cert::der::{self, DateTime, Decode, Encode};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages, SubjectAltName,
    SubjectKeyIdentifier,
};
use x509_cert::name::{Name, RdnSequence, RelativeDistinguishedName};
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use x509_cert::time::{Time, Validity};
use x509_cert::{Certificate as X509, TbsCertificate, Version};

use crate::value::{Env, FuncError, Function, List, Object, Str, Value};

use super::args::{Args, FromArg, Outcome, count, function};
use super::crypto::{pem_decode, pem_encode};
use super::encoding::base64_decode;
use super::go_time::value_as;
use super::keys::{PrivateKey, RsaBits};
use super::text::display;

const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
const SERVER_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.1");
const CLIENT_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.2");
const SHA256_RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");
const SHA256_ECDSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
/// Size of the RSA keys Sprig makes for certificates.
const KEY_BITS: RsaBits = RsaBits::B2048;
/// Go's key identifiers are a SHA-256 cut to this many bytes.
const KEY_ID_LEN: usize = 20;

pub(super) static FUNCTIONS: &[Function] = &[
    function!("buildCustomCert", build_custom, (&Str, &Str)),
    function!("genCA", env gen_ca, (&Str, i64)),
    function!("genCAWithKey", env gen_ca_with_key, (&Str, i64, &Str)),
    function!("genSelfSignedCert", env self_signed, (&Str, Names, Names, i64)),
    function!("genSelfSignedCertWithKey", env self_signed_with_key, (&Str, Names, Names, i64, &Str)),
    function!("genSignedCert", env signed, (&Str, Names, Names, i64, &Certificate)),
    function!("genSignedCertWithKey", env signed_with_key, (&Str, Names, Names, i64, &Certificate, &Str)),
];

/// Sprig's `certificate`: `.Cert` and `.Key` in PEM.
#[derive(Debug)]
struct Certificate {
    cert: Str,
    key: Str,
}

impl Object for Certificate {
    fn type_name(&self) -> &str {
        "sprig.certificate"
    }

    fn field(&self, name: &str) -> Option<Value> {
        match name {
            "Cert" => Some(Value::Str(self.cert.clone())),
            "Key" => Some(Value::Str(self.key.clone())),
            _ => None,
        }
    }

    fn print(&self) -> String {
        format!("{{{} {}}}", self.cert, self.key)
    }

    fn to_json(&self) -> Option<Value> {
        let entries = [("Cert", self.cert.clone()), ("Key", self.key.clone())];
        Some(Value::Map(entries.into_iter().map(|(key, value)| (key, Value::Str(value))).collect()))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl<'a> FromArg<'a> for &'a Certificate {
    fn from_arg(value: &'a Value) -> Result<Self, FuncError> {
        value_as(value).ok_or_else(|| FuncError::WrongType {
            expected: "sprig.certificate",
            got: crate::value::kind::type_name(value).into_owned(),
        })
    }
}

/// A `[]interface {}` of names; `nil` stands for none.
struct Names<'a>(&'a [Value]);

impl<'a> FromArg<'a> for Names<'a> {
    fn from_arg(value: &'a Value) -> Result<Self, FuncError> {
        if value.is_nil() { Ok(Self(&[])) } else { <&List>::from_arg(value).map(|list| Self(list.items())) }
    }
}

/// What a new certificate is for.
struct Request<'a> {
    common_name: &'a Str,
    days: i64,
    ips: Names<'a>,
    names: Names<'a>,
    ca: bool,
}

fn fail(text: impl Into<String>) -> FuncError {
    FuncError::Message(text.into())
}

fn creating(error: &der::Error) -> FuncError {
    fail(format!("error creating certificate: {error}"))
}

fn parsed_key(pem: &Str) -> Result<PrivateKey, FuncError> {
    PrivateKey::parse(pem.as_bytes()).map_err(|error| fail(format!("parsing private key: {error}")))
}

fn build_custom(cert: &Str, key: &Str) -> Result<Value, FuncError> {
    let cert = base64_decode(cert.as_bytes()).map_err(|_| fail("unable to decode base64 certificate"))?;
    let key = base64_decode(key.as_bytes()).map_err(|_| fail("unable to decode base64 private key"))?;
    let (_, der) = pem_decode(&cert).ok_or_else(|| fail("unable to decode certificate"))?;
    X509::from_der(&der).map_err(|error| fail(format!("error parsing certificate: decodedCert.Bytes: {error}")))?;
    PrivateKey::parse(&key).map_err(|error| fail(format!("error parsing private key: {error}")))?;
    Ok(Value::object(Certificate { cert: cert.into(), key: key.into() }))
}

fn gen_ca(env: &dyn Env, common_name: &Str, days: i64) -> Result<Value, FuncError> {
    let key = PrivateKey::rsa(env, KEY_BITS)?;
    issue(env, &Request { common_name, days, ips: Names(&[]), names: Names(&[]), ca: true }, &key, None)
}

fn gen_ca_with_key(env: &dyn Env, common_name: &Str, days: i64, key: &Str) -> Result<Value, FuncError> {
    let key = parsed_key(key)?;
    issue(env, &Request { common_name, days, ips: Names(&[]), names: Names(&[]), ca: true }, &key, None)
}

fn self_signed(
    env: &dyn Env,
    common_name: &Str,
    ips: Names<'_>,
    names: Names<'_>,
    days: i64,
) -> Result<Value, FuncError> {
    let key = PrivateKey::rsa(env, KEY_BITS)?;
    issue(env, &Request { common_name, days, ips, names, ca: false }, &key, None)
}

fn self_signed_with_key(
    env: &dyn Env,
    common_name: &Str,
    ips: Names<'_>,
    names: Names<'_>,
    days: i64,
    key: &Str,
) -> Result<Value, FuncError> {
    let key = parsed_key(key)?;
    issue(env, &Request { common_name, days, ips, names, ca: false }, &key, None)
}

fn signed(
    env: &dyn Env,
    common_name: &Str,
    ips: Names<'_>,
    names: Names<'_>,
    days: i64,
    ca: &Certificate,
) -> Result<Value, FuncError> {
    let key = PrivateKey::rsa(env, KEY_BITS)?;
    issue(env, &Request { common_name, days, ips, names, ca: false }, &key, Some(ca))
}

fn signed_with_key(
    env: &dyn Env,
    common_name: &Str,
    ips: Names<'_>,
    names: Names<'_>,
    days: i64,
    ca: &Certificate,
    key: &Str,
) -> Result<Value, FuncError> {
    let key = parsed_key(key)?;
    issue(env, &Request { common_name, days, ips, names, ca: false }, &key, Some(ca))
}

/// Makes and signs a certificate; without `ca` it signs itself.
fn issue(env: &dyn Env, request: &Request<'_>, key: &PrivateKey, ca: Option<&Certificate>) -> Result<Value, FuncError> {
    let issuer = ca.map(parse_issuer).transpose()?;
    let ips = request.ips.0.iter().map(ip_name).collect::<Result<Vec<_>, _>>()?;
    let names = request.names.0.iter().map(dns_name).collect::<Result<Vec<_>, _>>()?;
    let subject = subject(request.common_name).map_err(|error| creating(&error))?;
    let public = SubjectPublicKeyInfoOwned::from_der(&key.public_der()?).map_err(|error| creating(&error))?;
    let signer = issuer.as_ref().map_or(key, |(_, key)| key);
    let parent = issuer.as_ref().map(|(cert, _)| &cert.tbs_certificate);
    let alt_names: Vec<GeneralName> = names.into_iter().chain(ips).collect();
    let build = || -> der::Result<TbsCertificate> {
        let authority = parent.filter(|parent| parent.subject != subject).and_then(subject_key_id);
        Ok(TbsCertificate {
            version: Version::V3,
            serial_number: serial(env)?,
            signature: algorithm(signer),
            issuer: parent.map_or_else(|| subject.clone(), |parent| parent.subject.clone()),
            validity: validity(env, request.days)?,
            extensions: Some(extensions(request, &public, authority, alt_names, &subject)?),
            subject,
            subject_public_key_info: public,
            issuer_unique_id: None,
            subject_unique_id: None,
        })
    };
    let tbs = build().map_err(|error| creating(&error))?;
    let signature = signer.sign(&tbs.to_der().map_err(|error| creating(&error))?)?;
    let cert = X509 {
        signature_algorithm: tbs.signature.clone(),
        signature: BitString::from_bytes(&signature).map_err(|error| creating(&error))?,
        tbs_certificate: tbs,
    };
    let der = cert.to_der().map_err(|error| creating(&error))?;
    Ok(Value::object(Certificate { cert: pem_encode("CERTIFICATE", &der).into(), key: key.to_pem()?.into() }))
}

fn parse_issuer(ca: &Certificate) -> Result<(X509, PrivateKey), FuncError> {
    let (_, der) = pem_decode(ca.cert.as_bytes()).ok_or_else(|| fail("unable to decode certificate"))?;
    let cert = X509::from_der(&der)
        .map_err(|error| fail(format!("error parsing certificate: decodedSignerCert.Bytes: {error}")))?;
    let key =
        PrivateKey::parse(ca.key.as_bytes()).map_err(|error| fail(format!("error parsing private key: {error}")))?;
    let public = cert.tbs_certificate.subject_public_key_info.to_der().map_err(|error| creating(&error))?;
    if public != key.public_der()? {
        return Err(fail("error creating certificate: x509: provided PrivateKey doesn't match parent's PublicKey"));
    }
    Ok((cert, key))
}

fn ip_name(value: &Value) -> Result<GeneralName, FuncError> {
    let Value::Str(text) = value else {
        return Err(fail(format!("error parsing ip: {} is not a string", display(value))));
    };
    let ip = text.text().parse::<IpAddr>().map_err(|_| fail(format!("error parsing ip: {text}")))?;
    let bytes = match ip.to_canonical() {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    };
    OctetString::new(bytes).map(GeneralName::IpAddress).map_err(|error| creating(&error))
}

fn dns_name(value: &Value) -> Result<GeneralName, FuncError> {
    let Value::Str(text) = value else {
        return Err(fail(format!("error processing alternate dns name: {} is not a string", display(value))));
    };
    Ia5String::new(text.as_bytes()).map(GeneralName::DnsName).map_err(|_| {
        let shown = crate::value::quote::quote(text.as_bytes());
        fail(format!("error creating certificate: x509: {shown} cannot be encoded as an IA5String"))
    })
}

fn subject(common_name: &Str) -> der::Result<Name> {
    if common_name.is_empty() {
        return Ok(RdnSequence::default());
    }
    let text = common_name.text();
    let printable = |b: u8| b.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(&b);
    let value = if text.bytes().all(printable) {
        Asn1Any::encode_from(&PrintableString::new(text.as_bytes())?)?
    } else {
        Asn1Any::encode_from(&Utf8StringRef::new(text.as_ref())?)?
    };
    let name = SetOfVec::try_from(vec![AttributeTypeAndValue { oid: COMMON_NAME, value }])?;
    Ok(RdnSequence(vec![RelativeDistinguishedName(name)]))
}

fn serial(env: &dyn Env) -> der::Result<SerialNumber> {
    let mut bytes = [0; 16];
    env.random(&mut bytes);
    SerialNumber::new(&bytes)
}

fn validity(env: &dyn Env, days: i64) -> der::Result<Validity> {
    const DAY: i64 = 24 * 3600;
    let now = env.now().timestamp().as_second();
    let moment = |seconds: i64| {
        let since = u64::try_from(seconds).map_err(|_| der::ErrorKind::DateTime)?;
        let date = DateTime::from_unix_duration(Duration::from_secs(since))?;
        Ok::<Time, der::Error>(match UtcTime::from_date_time(date) {
            Ok(time) => Time::UtcTime(time),
            Err(_) => Time::GeneralTime(GeneralizedTime::from_date_time(date)),
        })
    };
    Ok(Validity { not_before: moment(now)?, not_after: moment(now.saturating_add(days.saturating_mul(DAY)))? })
}

fn algorithm(key: &PrivateKey) -> AlgorithmIdentifierOwned {
    let (oid, parameters) = match key {
        PrivateKey::Rsa(_) => (SHA256_RSA, Some(Asn1Any::null())),
        PrivateKey::Ed25519(_) => (ED25519, None),
        PrivateKey::P256(_) | PrivateKey::Other(_) => (SHA256_ECDSA, None),
    };
    AlgorithmIdentifierOwned { oid, parameters }
}

fn subject_key_id(cert: &TbsCertificate) -> Option<OctetString> {
    let extension = cert.extensions.iter().flatten().find(|ext| ext.extn_id == SubjectKeyIdentifier::OID)?;
    SubjectKeyIdentifier::from_der(extension.extn_value.as_bytes()).ok().map(|id| id.0)
}

fn extension<T: AssociatedOid + Encode>(critical: bool, value: &T) -> der::Result<Extension> {
    Ok(Extension { extn_id: T::OID, critical, extn_value: OctetString::new(value.to_der()?)? })
}

/// The extensions in Go's order.
fn extensions(
    request: &Request<'_>,
    public: &SubjectPublicKeyInfoOwned,
    authority: Option<OctetString>,
    alt_names: Vec<GeneralName>,
    subject: &Name,
) -> der::Result<Vec<Extension>> {
    let mut usage = KeyUsages::DigitalSignature | KeyUsages::KeyEncipherment;
    if request.ca {
        usage |= KeyUsages::KeyCertSign;
    }
    let mut out = vec![
        extension(true, &KeyUsage(usage))?,
        extension(false, &ExtendedKeyUsage(vec![SERVER_AUTH, CLIENT_AUTH]))?,
        extension(true, &BasicConstraints { ca: request.ca, path_len_constraint: None })?,
    ];
    if request.ca {
        let digest = Sha256::digest(public.subject_public_key.raw_bytes());
        out.push(extension(false, &SubjectKeyIdentifier(OctetString::new(&digest[..KEY_ID_LEN])?))?);
    }
    if let Some(id) = authority {
        let id = AuthorityKeyIdentifier { key_identifier: Some(id), ..AuthorityKeyIdentifier::default() };
        out.push(extension(false, &id)?);
    }
    if !alt_names.is_empty() {
        out.push(extension(subject.0.is_empty(), &SubjectAltName(alt_names))?);
    }
    Ok(out)
}
