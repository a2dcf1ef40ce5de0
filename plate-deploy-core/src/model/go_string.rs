//! How Go's `fmt` prints a source inside Argo CD's messages.

use super::source::{ApplicationSource, DirectorySource, HelmSource, Jsonnet, JsonnetVar};

/// `fmt.Sprintf("%s", source)`: the fields in their order, option blocks as their generated `String`.
pub(super) fn source(source: &ApplicationSource) -> String {
    let helm = source.helm.as_ref().map_or_else(|| "nil".into(), helm);
    let directory = source.directory.as_ref().map_or_else(|| "nil".into(), directory);
    // The two kinds of options that are only kept are not printed in full.
    let kustomize = if source.kustomize.is_some() { "&ApplicationSourceKustomize{…}" } else { "nil" };
    let plugin = if source.plugin.is_some() { "&ApplicationSourcePlugin{…}" } else { "nil" };
    let ApplicationSource { repo_url, path, target_revision, chart, reference, name, tag_prefix, .. } = source;
    format!(
        "{{{repo_url} {path} {target_revision} {helm} {kustomize} {directory} {plugin} {chart} {reference} {name} {tag_prefix}}}"
    )
}

fn helm(helm: &HelmSource) -> String {
    let parameters: String = helm
        .parameters
        .iter()
        .map(|p| format!("HelmParameter{{Name:{},Value:{},ForceString:{},}},", p.name, p.value, p.force_string))
        .collect();
    let files: String = helm
        .file_parameters
        .iter()
        .map(|p| format!("HelmFileParameter{{Name:{},Path:{},}},", p.name, p.path))
        .collect();
    let object = match &helm.values_object {
        Some(values) => format!("&runtime.RawExtension{{{values}}}"),
        None => "nil".into(),
    };
    format!(
        "&ApplicationSourceHelm{{ValueFiles:[{}],Parameters:[]HelmParameter{{{parameters}}},ReleaseName:{},Values:{},FileParameters:[]HelmFileParameter{{{files}}},Version:{},PassCredentials:{},IgnoreMissingValueFiles:{},SkipCrds:{},ValuesObject:{object},Namespace:{},KubeVersion:{},APIVersions:[{}],SkipTests:{},SkipSchemaValidation:{},}}",
        helm.value_files.join(" "),
        helm.release_name,
        helm.values,
        helm.version,
        helm.pass_credentials,
        helm.ignore_missing_value_files,
        helm.skip_crds,
        helm.namespace,
        helm.kube_version,
        helm.api_versions.join(" "),
        helm.skip_tests,
        helm.skip_schema_validation,
    )
}

fn directory(directory: &DirectorySource) -> String {
    let variables = |variables: &[JsonnetVar]| -> String {
        let each =
            variables.iter().map(|v| format!("JsonnetVar{{Name:{},Value:{},Code:{},}},", v.name, v.value, v.code));
        each.collect()
    };
    let Jsonnet { ext_vars, tlas, libs } = &directory.jsonnet;
    let jsonnet = format!(
        "ApplicationSourceJsonnet{{ExtVars:[]JsonnetVar{{{}}},TLAs:[]JsonnetVar{{{}}},Libs:[{}],}}",
        variables(ext_vars),
        variables(tlas),
        libs.join(" ")
    );
    format!(
        "&ApplicationSourceDirectory{{Recurse:{},Jsonnet:{jsonnet},Exclude:{},Include:{},DisableExtensionFilter:{},}}",
        directory.recurse, directory.exclude, directory.include, directory.disable_extension_filter,
    )
}
