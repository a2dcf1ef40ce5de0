//! The one catalogue of what the command says in its own words, in every language it speaks.
//!
//! Reports and findings come from the library in English; headings, states and sentences around them are here, and the
//! explanation of every code is in [`crate::codes`].

use std::sync::OnceLock;

use clap::ValueEnum;

/// A language of the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Language {
    /// English
    En,
    /// Korean
    Ko,
}

static CHOSEN: OnceLock<Language> = OnceLock::new();

/// Chooses the language once: the flag's, else the environment's.
pub(crate) fn choose(flag: Option<Language>) {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let locale = ["LC_ALL", "LC_MESSAGES", "LANG"].iter().find_map(|name| variable(name)).unwrap_or_default();
    let chosen = flag.unwrap_or(if locale.starts_with("ko") { Language::Ko } else { Language::En });
    // A second call changes nothing: what was said in one language goes on in it.
    let _ = CHOSEN.set(chosen);
}

/// The language that was chosen.
pub(crate) fn current() -> Language {
    CHOSEN.get().copied().unwrap_or(Language::En)
}

macro_rules! catalogue {
    ($($name:ident: $en:literal, $ko:literal;)*) => {
        /// A message of the command.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Message { $($name),* }

        impl Message {
            /// Every message.
            #[cfg(test)]
            pub(crate) const ALL: &[Self] = &[$(Self::$name),*];

            /// Its text in a language.
            pub(crate) fn text_in(self, language: Language) -> &'static str {
                match (self, language) {
                    $((Self::$name, Language::En) => $en, (Self::$name, Language::Ko) => $ko,)*
                }
            }

            /// Its text in the language that was chosen.
            pub(crate) fn text(self) -> &'static str {
                self.text_in(current())
            }
        }
    };
}

catalogue! {
    Error: "error:", "오류:";
    Hint: "hint:", "도움말:";
    AffectedNow: "affected now", "지금 영향을 받음";
    AffectedLater: "affected later", "나중에 영향을 받음";
    NotAffected: "not affected", "영향 없음";
    WhatToDo: "What to do", "해야 할 일";
    WhatHelps: "What would have helped", "도움이 되었을 예방책";
    Seen: "Seen in the cluster", "클러스터에서 확인한 사실";
    On: "on", "켜짐";
    Off: "off", "꺼짐";
    Unknown: "unknown", "알 수 없음";
    SimulationAgrees: "The simulation agrees: what was predicted to stop did stop, and nothing else.", "시뮬레이션 결과가 예측과 같습니다: 멈춘다고 예측한 것만 실제로 멈췄습니다.";
    SimulationDiffers: "The simulation contradicts the prediction:", "시뮬레이션 결과가 예측과 다릅니다:";
    Predicted: "predicted", "예측";
    Measured: "measured", "측정";
    Works: "works", "동작";
    Stops: "stops", "멈춤";
    AbilityRun: "runs", "실행";
    AbilityReach: "answers from outside", "외부 접속";
    AbilityDeploy: "deploys (plate-deploy)", "배포 (plate-deploy)";
    AbilityAutoSync: "syncs (Argo CD)", "동기화 (Argo CD)";
    AbilityStorage: "new volumes", "새 볼륨";
    AbilityOperators: "operators", "오퍼레이터";
    AbilityHeal: "replaces lost pods", "파드 복구";
    AbilityRollout: "starts new versions", "새 버전 시작";
    NoSuchCode: "there is no such code; the codes are:", "그런 코드는 없습니다. 코드 목록:";
    DoctorGood: "Everything is in order.", "모두 정상입니다.";
    DoctorBad: "Something is in the way of a deploy.", "배포를 막는 문제가 있습니다.";
    CheckRepository: "repository", "저장소";
    CheckLint: "lint", "검사";
    CheckCluster: "cluster", "클러스터";
    CheckPermissions: "permissions", "권한";
    CheckArgoCd: "Argo CD", "Argo CD";
    CheckVersions: "versions", "버전";
    NothingToChange: "Nothing to change.", "바꿀 것이 없습니다.";
    Interrupted: "watching; press Ctrl-C to stop", "감시 중입니다. Ctrl-C 로 멈춥니다";
}

#[cfg(test)]
mod tests {
    use super::{Language, Message};

    #[test]
    fn every_message_is_in_every_language() {
        for message in Message::ALL {
            let (english, korean) = (message.text_in(Language::En), message.text_in(Language::Ko));
            assert!(!english.trim().is_empty() && !korean.trim().is_empty(), "{message:?}");
            assert!(english.is_ascii(), "{message:?}: {english}");
            let hangul = korean.chars().any(|c| ('가'..='힣').contains(&c));
            // Names are the same everywhere.
            assert!(hangul || *message == Message::CheckArgoCd, "{message:?}: {korean}");
        }
    }
}
