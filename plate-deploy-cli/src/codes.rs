//! Every code of a finding, explained in every language: what it means and what to do.

use crate::language::{Language, current};

/// A code and its explanations.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Code {
    /// As it stands in brackets behind a finding.
    pub(crate) id: &'static str,
    english: &'static str,
    korean: &'static str,
}

impl Code {
    /// The explanation in a language.
    pub(crate) fn text_in(&self, language: Language) -> &'static str {
        match language {
            Language::En => self.english,
            Language::Ko => self.korean,
        }
    }

    /// The explanation in the language that was chosen.
    pub(crate) fn text(&self) -> &'static str {
        self.text_in(current())
    }
}

/// The code of this name.
pub(crate) fn find(id: &str) -> Option<&'static Code> {
    CODES.iter().find(|code| code.id == id)
}

macro_rules! codes {
    ($($id:literal: $english:literal, $korean:literal;)*) => {
        /// Every code, by name.
        pub(crate) const CODES: &[Code] = &[$(Code { id: $id, english: $english, korean: $korean }),*];
    };
}

codes! {
    "ambiguous-source-type": "An Application's source has options of more than one type (Helm, directory, kustomize, plugin). Keep one block.", "Application 의 source 에 두 가지 이상의 형식 옵션(Helm, directory, kustomize, plugin)이 있습니다. 하나만 남기십시오.";
    "application-busy": "Argo CD is running an operation on the Application. Wait until it ends, or terminate it in Argo CD.", "Argo CD 가 이 Application 에서 작업 중입니다. 끝날 때까지 기다리거나 Argo CD 에서 작업을 종료하십시오.";
    "application-changed-elsewhere": "Someone changed the Application while it was being deployed. Look at who did, and deploy again.", "배포하는 동안 누군가 Application 을 바꿨습니다. 누가 바꿨는지 확인하고 다시 배포하십시오.";
    "application-cycle": "An app-of-apps brings itself, directly or through others. Narrow its folder, include or exclude.", "app-of-apps 가 직접 또는 다른 것을 거쳐 자기 자신을 가져옵니다. 폴더나 include, exclude 를 좁히십시오.";
    "application-differs-from-git": "The Application in the cluster is not the one in Git. Apply the one in Git, or commit the change.", "클러스터의 Application 이 Git 의 것과 다릅니다. Git 의 것을 적용하거나 변경을 커밋하십시오.";
    "application-missing": "Argo CD does not know the Application. Apply its file, or the app-of-apps that brings it.", "Argo CD 에 이 Application 이 없습니다. 그 파일이나 그것을 가져오는 app-of-apps 를 적용하십시오.";
    "argocd-down": "Argo CD does not run. See `plate-deploy impact argocd/controller`; plate-deploy can sync without it.", "Argo CD 가 실행되지 않습니다. `plate-deploy impact argocd/controller` 를 보십시오. plate-deploy 는 Argo CD 없이도 동기화할 수 있습니다.";
    "argocd-not-reconciling": "Argo CD runs but does not look at the Application. Ask for a refresh, or restart its controller.", "Argo CD 가 실행 중이지만 이 Application 을 처리하지 않습니다. 새로 고침을 요청하거나 컨트롤러를 다시 시작하십시오.";
    "auto-sync-off": "The Application has no automated sync, so a change in Git waits for someone to sync it.", "이 Application 은 자동 동기화가 꺼져 있어, Git 의 변경은 누군가 동기화할 때까지 기다립니다.";
    "backup-retention": "Old backups could not be removed. Check the permissions of the state directory.", "오래된 백업을 지우지 못했습니다. 상태 디렉터리의 권한을 확인하십시오.";
    "blocked": "The Application was not synced, because one of an earlier wave is not Synced and Healthy. Repair that one first.", "앞선 웨이브의 Application 이 Synced, Healthy 가 아니어서 동기화하지 않았습니다. 그것부터 고치십시오.";
    "chart-error": "Helm cannot render the chart. The message names template and line; `plate-deploy helm template` shows the same.", "Helm 차트를 렌더링할 수 없습니다. 메시지에 템플릿과 줄이 있습니다. `plate-deploy helm template` 로 다시 볼 수 있습니다.";
    "comparison-error": "The Application could not be compared with the cluster. The message says why.", "Application 을 클러스터와 비교할 수 없습니다. 이유는 메시지에 있습니다.";
    "dependency-not-vendored": "A chart dependency is declared but not in charts/. Run `helm dependency build` once and commit the result.", "차트 의존성이 선언되었지만 charts/ 에 없습니다. `helm dependency build` 를 한 번 실행하고 결과를 커밋하십시오.";
    "duplicate-application": "Two Applications have the same name; Argo CD would take one of them. Rename or remove one.", "같은 이름의 Application 이 둘 있습니다. Argo CD 는 그중 하나만 씁니다. 하나의 이름을 바꾸거나 지우십시오.";
    "environment-mismatch": "Label, name, value files and namespace mean different environments. Make them agree, or set the environment in plate-deploy.yaml.", "레이블, 이름, 값 파일, 네임스페이스가 서로 다른 환경을 가리킵니다. 맞추거나 plate-deploy.yaml 에 환경을 적으십시오.";
    "held": "Somebody holds the Application at a revision, e.g. after a rollback. Lift the hold to sync it again.", "롤백 등으로 누군가 이 Application 을 한 리비전에 고정했습니다. 다시 동기화하려면 고정을 푸십시오.";
    "image-repository-environment": "An image comes from the repository of another environment. Correct the value, or ignore the rule where it is meant.", "이미지가 다른 환경의 저장소에서 옵니다. 값을 고치거나, 의도한 것이면 규칙을 무시하도록 설정하십시오.";
    "internal-error": "Something that should not happen did. Please report it with the command and `-vv`.", "일어나지 않아야 할 일이 일어났습니다. 명령과 `-vv` 출력을 함께 알려 주십시오.";
    "invalid-application": "An Application or project cannot be decoded: a field has a wrong type. The message names file, line and field.", "Application 이나 프로젝트를 읽을 수 없습니다. 필드의 형식이 잘못되었습니다. 메시지에 파일, 줄, 필드가 있습니다.";
    "invalid-kube-version": "A Kubernetes version cannot be read. Write it as 1.30 or v1.30.2.", "Kubernetes 버전을 읽을 수 없습니다. 1.30 또는 v1.30.2 처럼 쓰십시오.";
    "invalid-manifest": "A rendered or plain manifest is no Kubernetes object. The message names the file.", "매니페스트가 Kubernetes 객체가 아닙니다. 메시지에 파일이 있습니다.";
    "invalid-name": "Argo CD refuses the Application's name: only lower-case letters, digits, `-` and `.`.", "Argo CD 가 Application 이름을 거부합니다. 소문자, 숫자, `-`, `.` 만 쓸 수 있습니다.";
    "invalid-overrides": "`.argocd-source.yaml` cannot be read. It must be a mapping with the fields of a source.", "`.argocd-source.yaml` 을 읽을 수 없습니다. source 의 필드를 가진 매핑이어야 합니다.";
    "invalid-project": "Argo CD refuses the AppProject. The message names the rule that is broken.", "Argo CD 가 AppProject 를 거부합니다. 메시지에 어긴 규칙이 있습니다.";
    "invalid-retry": "A duration of the retry policy cannot be parsed. Write it as 5s, 3m or 1h.", "재시도 정책의 시간을 읽을 수 없습니다. 5s, 3m, 1h 처럼 쓰십시오.";
    "invalid-source": "Argo CD refuses the source: no path and no chart, or fields that exclude each other.", "Argo CD 가 source 를 거부합니다. path 나 chart 가 없거나, 함께 쓸 수 없는 필드가 있습니다.";
    "invalid-spec": "The Application's spec is refused: its project is missing or forbids it. The message says which rule is broken.", "Application 의 spec 이 거부되었습니다. 프로젝트가 없거나 금지합니다. 어긴 규칙은 메시지에 있습니다.";
    "invalid-value-file": "A values file or file parameter cannot be used: it leads out of the repository, or is no file.", "값 파일이나 파일 매개변수를 쓸 수 없습니다. 저장소 밖을 가리키거나 파일이 아닙니다.";
    "invalid-yaml": "The YAML is broken at the place that is named. Nothing in this file is deployed until it is correct.", "표시된 곳에서 YAML 이 깨졌습니다. 고칠 때까지 이 파일의 내용은 배포되지 않습니다.";
    "load-balancer-without-provider": "A Service waits for an address that nothing may assign. Add MetalLB or another provider, or use ClusterIP.", "Service 가 주소를 기다리지만 줄 수 있는 것이 없습니다. MetalLB 같은 것을 추가하거나 ClusterIP 를 쓰십시오.";
    "lock-not-released": "The run ended but its lock could not be removed. It expires by itself; `--break-lock` takes it at once.", "실행은 끝났지만 잠금을 풀지 못했습니다. 잠금은 저절로 만료됩니다. `--break-lock` 로 바로 가져올 수 있습니다.";
    "missing-crds": "A custom resource has no definition that anything brings. Add its operator as a library.", "커스텀 리소스의 정의를 가져오는 것이 없습니다. 그 오퍼레이터를 라이브러리로 추가하십시오.";
    "missing-environment-values": "A component has no values of its own for an environment. Add its values file.", "컴포넌트에 이 환경만의 값이 없습니다. 값 파일을 추가하십시오.";
    "missing-path": "The source's path is not in the repository. Correct it, or commit the folder.", "source 의 path 가 저장소에 없습니다. 고치거나 폴더를 커밋하십시오.";
    "missing-value-file": "A values file does not exist. Add it, or set helm.ignoreMissingValueFiles in the Application.", "값 파일이 없습니다. 추가하거나 Application 에 helm.ignoreMissingValueFiles 를 켜십시오.";
    "mutable-image-tag": "An image has no tag, or the tag latest: what runs can change by itself. Name a version or digest.", "이미지에 태그가 없거나 latest 입니다. 실행되는 것이 저절로 바뀔 수 있습니다. 버전이나 다이제스트를 적으십시오.";
    "namespace-not-created": "Nothing creates the namespace. Set CreateNamespace=true, or add the Namespace to a chart.", "네임스페이스를 만드는 것이 없습니다. CreateNamespace=true 를 켜거나 Namespace 를 추가하십시오.";
    "not-fetched": "The Git remote could not be read, so the local state of its branches was used.", "Git 원격을 읽을 수 없어 로컬에 있는 브랜치 상태를 썼습니다.";
    "not-in-backup": "The object that was asked for is not in the backup. `plate-deploy backup --list` shows what is.", "요청한 객체가 백업에 없습니다. `plate-deploy backup --list` 로 확인하십시오.";
    "not-notified": "A notification could not be sent. The deploy itself is not touched by it.", "알림을 보내지 못했습니다. 배포 자체에는 영향이 없습니다.";
    "not-permitted": "The AppProject does not permit the source, destination or kind. Extend the project, or change the Application.", "AppProject 가 이 source, 대상 또는 종류를 허용하지 않습니다. 프로젝트를 넓히거나 Application 을 바꾸십시오.";
    "not-promoted": "An image was not promoted: it is not healthy where it comes from, or is the same already.", "이미지를 승격하지 않았습니다. 원래 환경에서 정상이 아니거나 이미 같습니다.";
    "not-rolled-back": "The environment could not be brought back, or only in part. The message names what is left.", "환경을 되돌리지 못했거나 일부만 되돌렸습니다. 남은 것은 메시지에 있습니다.";
    "operation-in-progress": "Another operation runs on the Application. Wait until it has ended.", "이 Application 에서 다른 작업이 진행 중입니다. 끝날 때까지 기다리십시오.";
    "orphaned-resource": "An object in the namespace belongs to no Application of the project. Put it into one, or ignore it in the project.", "네임스페이스의 객체가 프로젝트의 어떤 Application 에도 속하지 않습니다. 하나에 넣거나 프로젝트에서 무시하십시오.";
    "out-of-time": "The time was over before the Application had its turn: those of earlier waves took it. See what they wait for, or give a longer --timeout.", "앞선 웨이브가 시간을 다 써서 이 Application 의 차례가 오지 않았습니다. 무엇을 기다리는지 보거나 --timeout 을 늘리십시오.";
    "past-argocd": "The sync went past Argo CD, because it does not run. It will find everything Synced when it is back.", "Argo CD 가 실행되지 않아 거치지 않고 동기화했습니다. 돌아오면 모두 Synced 로 보게 됩니다.";
    "permission-denied": "The cluster refuses it to this user. `plate-deploy doctor` shows which permissions are missing.", "클러스터가 이 사용자에게 허용하지 않습니다. `plate-deploy doctor` 로 부족한 권한을 확인하십시오.";
    "pod-failed": "A pod does not come up: its image cannot be pulled, it crashes, or it is never ready. The message has its last words.", "파드가 올라오지 않습니다. 이미지를 받을 수 없거나, 죽거나, 준비되지 않습니다. 메시지에 마지막 출력이 있습니다.";
    "probe-failed": "A probe of the deployed platform got no good answer. Look at the Ingress and its Service.", "배포된 플랫폼의 확인 요청이 실패했습니다. Ingress 와 Service 를 확인하십시오.";
    "repeated-resource": "An Application renders the same object twice; the last one counts. Remove one.", "Application 이 같은 객체를 두 번 만듭니다. 마지막 것이 쓰입니다. 하나를 지우십시오.";
    "repository": "Another repository that an Application names is not available here. Clone it and pass --repo-url-map URL=PATH.", "Application 이 가리키는 다른 저장소가 여기에 없습니다. 복제하고 --repo-url-map URL=PATH 를 주십시오.";
    "restarts": "A container restarted more often than is allowed while it was watched. See its logs.", "지켜보는 동안 컨테이너가 허용된 횟수보다 많이 다시 시작했습니다. 로그를 보십시오.";
    "revision-not-seen": "Argo CD has not yet seen the commit. Ask for a refresh, or wait for its next look at Git.", "Argo CD 가 아직 커밋을 보지 못했습니다. 새로 고침을 요청하거나 다음 확인을 기다리십시오.";
    "runtime-field": "`status` or `operation` stands in Git; Argo CD writes them itself, and they are ignored. Remove them.", "`status` 나 `operation` 이 Git 에 있습니다. Argo CD 가 스스로 쓰는 것이라 무시됩니다. 지우십시오.";
    "secret-name-differs": "A secret's name differs between environments where others agree. Correct it, or ignore the rule.", "환경마다 비밀의 이름이 다릅니다. 고치거나 규칙을 무시하도록 설정하십시오.";
    "secret-not-restored": "A Secret was not restored: its values are not in the backup, or cannot be decrypted.", "Secret 을 복원하지 못했습니다. 값이 백업에 없거나 복호화할 수 없습니다.";
    "shared-files": "A file that decides for several environments would change. Set the value in a file of one environment.", "여러 환경을 정하는 파일이 바뀝니다. 한 환경의 파일에 값을 적으십시오.";
    "shared-resource": "Two Applications have the same object; each sync takes it from the other. Keep it in one.", "두 Application 이 같은 객체를 가집니다. 동기화할 때마다 서로 빼앗습니다. 하나에만 두십시오.";
    "soak": "Something became unhealthy again while it was watched after the deploy.", "배포 후 지켜보는 동안 다시 비정상이 되었습니다.";
    "source-path": "The source's path cannot be used: it is absolute, leads out of the repository, or is not there.", "source 의 path 를 쓸 수 없습니다. 절대 경로이거나, 저장소 밖이거나, 없습니다.";
    "state": "The state directory cannot be used. Check its permissions, or choose another with --state-dir.", "상태 디렉터리를 쓸 수 없습니다. 권한을 확인하거나 --state-dir 로 다른 곳을 고르십시오.";
    "stopped": "The run stopped at a stage. The message says why; nothing after that stage was done.", "실행이 한 단계에서 멈췄습니다. 이유는 메시지에 있습니다. 그 뒤의 단계는 하지 않았습니다.";
    "storage-class-missing": "A volume claim waits for a storage class that nothing brings. Add the provisioner as a library, or change the class.", "볼륨 요청이 없는 스토리지 클래스를 기다립니다. 프로비저너를 라이브러리로 추가하거나 클래스를 바꾸십시오.";
    "sync-failed": "A sync failed. The message names the objects that the API refused and why.", "동기화가 실패했습니다. 메시지에 API 가 거부한 객체와 이유가 있습니다.";
    "sync-window": "A sync window of the project forbids a sync now. Wait until it opens.", "프로젝트의 동기화 시간대가 지금은 동기화를 금지합니다. 열릴 때까지 기다리십시오.";
    "tracking-error": "An object cannot be marked as the Application's: its annotations or labels are no map.", "객체에 Application 표시를 할 수 없습니다. 어노테이션이나 레이블이 매핑이 아닙니다.";
    "unknown-field": "The API server drops a field it does not know. Correct its name.", "API 서버가 모르는 필드를 버립니다. 이름을 고치십시오.";
    "unknown-rule": "plate-deploy.yaml sets a lint rule that does not exist. Correct its name, or remove it.", "plate-deploy.yaml 이 없는 검사 규칙을 설정합니다. 이름을 고치거나 지우십시오.";
    "unknown-sync-option": "Argo CD does not know the sync option and ignores it. Correct its name.", "Argo CD 가 모르는 동기화 옵션이라 무시합니다. 이름을 고치십시오.";
    "unreadable-file": "A file cannot be read: it is too large, no UTF-8 text, or a link that leads out of the repository.", "파일을 읽을 수 없습니다. 너무 크거나, UTF-8 이 아니거나, 저장소 밖을 가리키는 링크입니다.";
    "unsupported-source": "kustomize, jsonnet, plugins and charts from Helm repositories are not rendered. Commit rendered manifests, or vendor the chart.", "kustomize, jsonnet, 플러그인, Helm 저장소의 차트는 렌더링하지 않습니다. 결과를 커밋하거나 차트를 저장소에 넣으십시오.";
    "unused-value": "A value is set that no template of the chart reads. Correct its name, or remove it.", "차트의 어떤 템플릿도 읽지 않는 값입니다. 이름을 고치거나 지우십시오.";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::{Path, PathBuf};

    use regex::Regex;

    use super::{CODES, Language};

    fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                sources(&path, found);
            } else if path.extension().is_some_and(|e| e == "rs") && !path.to_string_lossy().contains("test") {
                found.push(path);
            }
        }
    }

    /// Every code that the library's sources give to a finding.
    fn used() -> BTreeSet<String> {
        let mut files = Vec::new();
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../plate-deploy-core/src"), &mut files);
        let made =
            Regex::new(r#"Diagnostic::new\(\s*(?:[A-Za-z:]*Severity::\w+|[a-z_.]+),\s*"([a-z][a-z-]+)""#).unwrap();
        let workspace = Regex::new(r#"Diagnostic::new\(\s*"([a-z][a-z-]+)""#).unwrap();
        let render = Regex::new(r#"=> "([a-z][a-z-]+)","#).unwrap();
        let mut found: BTreeSet<String> =
            plate_deploy_core::lint::RULES.iter().map(|(id, ..)| (*id).to_owned()).collect();
        for file in files {
            let text = fs::read_to_string(&file).unwrap();
            let text = text.split("#[cfg(test)]").next().unwrap();
            found.extend(made.captures_iter(text).chain(workspace.captures_iter(text)).map(|c| c[1].to_owned()));
            if file.ends_with("render/error.rs") {
                let code = text.split("fn code").nth(1).unwrap().split("fn remedy").next().unwrap();
                found.extend(render.captures_iter(code).map(|c| c[1].to_owned()));
            }
        }
        found
    }

    #[test]
    fn every_code_is_explained_in_every_language() {
        let known: BTreeSet<String> = CODES.iter().map(|code| code.id.to_owned()).collect();
        assert_eq!(known.len(), CODES.len(), "a code is explained twice");
        let used = used();
        assert!(used.len() > 45, "the sources were not understood: {used:?}");
        let unexplained: Vec<_> = used.difference(&known).collect();
        assert!(unexplained.is_empty(), "add to plate-deploy-cli/src/codes.rs: {unexplained:?}");
        for code in CODES {
            let (english, korean) = (code.text_in(Language::En), code.text_in(Language::Ko));
            assert!(english.len() > 30 && korean.chars().any(|c| ('가'..='힣').contains(&c)), "{}", code.id);
        }
    }
}
