//! Go signatures of Sprig's and Helm's functions.
//!
//! Text/template converts arguments by these before it calls a function, and its error messages name them, so they are
//! part of how templates behave: `trunc 3.0 "x"` works, `trunc (int64 3) "x"` does not.

use std::collections::HashMap;

use crate::template::{Signature, Type};

/// Signatures by group of functions that share one. A letter is a parameter: `a` interface {}, `s` string, `i` int,
/// `b` bool, `f` float64, `u` uint32, `m` map[string]interface {}, `l` []interface {}, `t` time.Time, `c` a Sprig
/// certificate; `*` makes the next one variadic; `>` at the end means that the function returns interface {}.
const TABLE: &[(&str, &str)] = &[
    ("", "hello now uuidv4"),
    ("*a", "add addf all any cat dict list quote squote tuple"),
    ("*a>", "coalesce concat dig"),
    ("*i", "seq"),
    ("*m", "keys"),
    (
        "a",
        "add1 add1f ago ceil compact duration durationDays durationHours durationMicroseconds \
         durationMilliseconds durationMinutes durationNanoseconds durationRound durationSeconds durationWeeks \
         empty float64 floor htmlDate initial int int64 kindOf mustCompact mustInitial mustRest mustReverse \
         mustToDuration mustToJson mustToPrettyJson mustToRawJson mustToToml mustToYaml mustUniq rest reverse \
         sortAlpha toDecimal toJson toPrettyJson toRawJson toString toStrings toToml toYaml toYamlPretty \
         typeOf uniq",
    ),
    ("a*a", "biggest divf max maxf min minf mul mulf mustWithout subf without"),
    ("a*a>", "default mustSlice slice"),
    ("a>", "deepCopy first last mustDeepCopy mustFirst mustLast"),
    (
        "aa",
        "append deepEqual div durationRoundTo durationTruncateTo has mod mustAppend mustHas mustPrepend \
         mustPush prepend push sub",
    ),
    ("aab>", "ternary"),
    ("ai*f", "round"),
    ("as", "htmlDateInZone"),
    ("i", "randAlpha randAlphaNum randAscii randBytes randNumeric until"),
    ("ia", "chunk mustChunk"),
    ("ii", "randInt"),
    ("iii", "untilStep"),
    ("iis", "abbrevboth substr"),
    ("is", "abbrev indent nindent repeat trunc wrap"),
    ("iss", "wrapWith"),
    ("m", "urlJoin values"),
    ("m*m>", "merge mergeOverwrite mustMerge mustMergeOverwrite"),
    ("m*s", "omit pick"),
    ("ms", "hasKey unset"),
    ("ms>", "get"),
    ("msa", "set"),
    (
        "s",
        "adler32sum atoi b32dec b32enc b64dec b64enc base bcrypt camelcase clean dir ext fail fromJson \
         fromJsonArray fromToml fromYaml fromYamlArray genPrivateKey getHostByName initials isAbs kebabcase \
         lower nospace osBase osClean osDir osExt osIsAbs regexQuoteMeta semver sha1sum sha256sum sha512sum \
         shuffle snakecase swapcase title trim untitle upper urlParse",
    ),
    ("s*m", "pluck"),
    ("s>", "mustFromJson"),
    ("sa", "date include join kindIs tpl typeIs typeIsLike"),
    ("sa>", "required"),
    ("sas", "dateInZone date_in_zone"),
    ("si", "genCA"),
    ("sis", "genCAWithKey splitn"),
    ("slli", "genSelfSignedCert"),
    ("sllic", "genSignedCert"),
    ("sllics", "genSignedCertWithKey"),
    ("sllis", "genSelfSignedCertWithKey"),
    (
        "ss",
        "buildCustomCert contains decryptAES encryptAES hasPrefix hasSuffix htpasswd mustRegexFind \
         mustRegexMatch mustToDate regexFind regexMatch semverCompare split splitList toDate trimAll \
         trimPrefix trimSuffix trimall",
    ),
    ("ssi", "mustRegexFindAll mustRegexSplit plural regexFindAll regexSplit"),
    ("sss", "mustRegexReplaceAll mustRegexReplaceAllLiteral regexReplaceAll regexReplaceAllLiteral replace"),
    ("ssss", "lookup"),
    ("st", "dateModify date_modify mustDateModify must_date_modify"),
    ("t", "unixEpoch"),
    ("ussss", "derivePassword"),
];

/// The signatures of all functions in the table, by name.
pub(super) fn all() -> HashMap<&'static str, Signature> {
    let mut by_name = HashMap::with_capacity(256);
    for (code, names) in TABLE {
        let signature = parse(code);
        by_name.extend(names.split_ascii_whitespace().map(|name| (name, signature.clone())));
    }
    by_name
}

fn parse(code: &str) -> Signature {
    let (params, returns_any) = match code.strip_suffix('>') {
        Some(params) => (params, true),
        None => (code, false),
    };
    let variadic = params.contains('*');
    let params = params.bytes().filter_map(type_of).collect();
    Signature { params, variadic, returns_any }
}

fn type_of(code: u8) -> Option<Type> {
    Some(match code {
        b'a' => Type::Any,
        b's' => Type::String,
        b'i' => Type::Int,
        b'b' => Type::Bool,
        b'f' => Type::Float,
        b'u' => Type::Uint32,
        b'm' => Type::Map,
        b'l' => Type::List,
        b't' => Type::Named("time.Time"),
        b'c' => Type::Named("sprig.certificate"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_codes() {
        let all = all();
        let signature = |name: &str| all.get(name).cloned();
        assert_eq!(signature("trunc"), Some(Signature::fixed(&[Type::Int, Type::String])));
        let default = Signature { returns_any: true, ..Signature::variadic(&[Type::Any, Type::Any]) };
        assert_eq!(signature("default"), Some(default));
        assert_eq!(signature("now"), Some(Signature::fixed(&[])));
        assert_eq!(signature("nope"), None);
    }
}
