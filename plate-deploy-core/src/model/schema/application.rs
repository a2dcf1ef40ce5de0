//! The schema of `Application`, as data (Argo CD v3.6, `argoproj.io/v1alpha1`).

use super::{ANY_OBJECT, BOOL, BOOL_MAP, Field, INTEGER, METADATA, Shape, TEXT, TEXT_MAP, TEXTS, TextRule, may, must};

const fn object(go: &'static str, fields: &'static [Field]) -> Shape {
    Shape::Object { go, fields }
}

const fn list(go: &'static str, item: &'static Shape) -> Shape {
    Shape::List { go, item }
}

pub(super) static APPLICATION: Shape = object(
    "v1alpha1.Application",
    &[
        may("apiVersion", &TEXT),
        may("kind", &TEXT),
        must("metadata", &METADATA),
        must("spec", &SPEC),
        may("status", &ANY_OBJECT),
        may("operation", &OPERATION),
    ],
);

static SPEC: Shape = object(
    "v1alpha1.ApplicationSpec",
    &[
        must("destination", &DESTINATION),
        may("ignoreDifferences", &IGNORE_DIFFERENCES),
        may("info", &INFOS),
        must("project", &TEXT),
        may("revisionHistoryLimit", &INTEGER),
        may("source", &SOURCE),
        may("sourceHydrator", &HYDRATOR),
        may("sources", &SOURCES),
        may("syncPolicy", &SYNC_POLICY),
    ],
);

pub(super) static DESTINATION: Shape =
    object("v1alpha1.ApplicationDestination", &[may("name", &TEXT), may("namespace", &TEXT), may("server", &TEXT)]);

static IGNORE_DIFFERENCES: Shape = list("v1alpha1.IgnoreDifferences", &IGNORE_DIFFERENCE);
static IGNORE_DIFFERENCE: Shape = object(
    "v1alpha1.ResourceIgnoreDifferences",
    &[
        may("group", &TEXT),
        may("jqPathExpressions", &TEXTS),
        may("jsonPointers", &TEXTS),
        must("kind", &TEXT),
        may("managedFieldsManagers", &TEXTS),
        may("name", &TEXT),
        may("namespace", &TEXT),
    ],
);

static INFOS: Shape = list("[]v1alpha1.Info", &INFO);
static INFO: Shape = object("v1alpha1.Info", &[must("name", &TEXT), must("value", &TEXT)]);

static SOURCES: Shape = list("v1alpha1.ApplicationSources", &SOURCE);
static SOURCE: Shape = object(
    "v1alpha1.ApplicationSource",
    &[
        may("chart", &TEXT),
        may("directory", &DIRECTORY),
        may("helm", &HELM),
        may("kustomize", &KUSTOMIZE),
        may("name", &TEXT),
        may("path", &TEXT),
        may("plugin", &PLUGIN),
        may("ref", &TEXT),
        must("repoURL", &TEXT),
        may("tagPrefix", &TEXT),
        may("targetRevision", &TEXT),
    ],
);

static DIRECTORY: Shape = object(
    "v1alpha1.ApplicationSourceDirectory",
    &[
        may("disableExtensionFilter", &BOOL),
        may("exclude", &TEXT),
        may("include", &TEXT),
        may("jsonnet", &JSONNET),
        may("recurse", &BOOL),
    ],
);
static JSONNET: Shape = object(
    "v1alpha1.ApplicationSourceJsonnet",
    &[may("extVars", &JSONNET_VARS), may("libs", &TEXTS), may("tlas", &JSONNET_VARS)],
);
static JSONNET_VARS: Shape = list("[]v1alpha1.JsonnetVar", &JSONNET_VAR);
static JSONNET_VAR: Shape =
    object("v1alpha1.JsonnetVar", &[may("code", &BOOL), must("name", &TEXT), must("value", &TEXT)]);

static HELM: Shape = object(
    "v1alpha1.ApplicationSourceHelm",
    &[
        may("apiVersions", &TEXTS),
        may("fileParameters", &HELM_FILE_PARAMETERS),
        may("ignoreMissingValueFiles", &BOOL),
        may("kubeVersion", &TEXT),
        may("namespace", &TEXT),
        may("parameters", &HELM_PARAMETERS),
        may("passCredentials", &BOOL),
        may("releaseName", &TEXT),
        may("skipCrds", &BOOL),
        may("skipSchemaValidation", &BOOL),
        may("skipTests", &BOOL),
        may("valueFiles", &TEXTS),
        may("values", &TEXT),
        may("valuesObject", &ANY_OBJECT),
        may("version", &TEXT),
    ],
);
static HELM_PARAMETERS: Shape = list("[]v1alpha1.HelmParameter", &HELM_PARAMETER);
static HELM_PARAMETER: Shape =
    object("v1alpha1.HelmParameter", &[may("forceString", &BOOL), may("name", &TEXT), may("value", &TEXT)]);
static HELM_FILE_PARAMETERS: Shape = list("[]v1alpha1.HelmFileParameter", &HELM_FILE_PARAMETER);
static HELM_FILE_PARAMETER: Shape = object("v1alpha1.HelmFileParameter", &[may("name", &TEXT), may("path", &TEXT)]);

static KUSTOMIZE: Shape = object(
    "v1alpha1.ApplicationSourceKustomize",
    &[
        may("apiVersions", &TEXTS),
        may("commonAnnotations", &TEXT_MAP),
        may("commonAnnotationsEnvsubst", &BOOL),
        may("commonLabels", &TEXT_MAP),
        may("components", &TEXTS),
        may("forceCommonAnnotations", &BOOL),
        may("forceCommonLabels", &BOOL),
        may("ignoreMissingComponents", &BOOL),
        may("images", &KUSTOMIZE_IMAGES),
        may("kubeVersion", &TEXT),
        may("labelIncludeTemplates", &BOOL),
        may("labelWithoutSelector", &BOOL),
        may("namePrefix", &TEXT),
        may("nameSuffix", &TEXT),
        may("namespace", &TEXT),
        may("patches", &KUSTOMIZE_PATCHES),
        may("replicas", &KUSTOMIZE_REPLICAS),
        may("version", &TEXT),
    ],
);
static KUSTOMIZE_IMAGES: Shape = list("v1alpha1.KustomizeImages", &KUSTOMIZE_IMAGE);
static KUSTOMIZE_IMAGE: Shape = Shape::Text { go: "v1alpha1.KustomizeImage", rule: TextRule::None };
static KUSTOMIZE_PATCHES: Shape = list("v1alpha1.KustomizePatches", &KUSTOMIZE_PATCH);
static KUSTOMIZE_PATCH: Shape = object(
    "v1alpha1.KustomizePatch",
    &[may("options", &BOOL_MAP), may("patch", &TEXT), may("path", &TEXT), may("target", &KUSTOMIZE_SELECTOR)],
);
static KUSTOMIZE_SELECTOR: Shape = object(
    "v1alpha1.KustomizeSelector",
    &[
        may("annotationSelector", &TEXT),
        may("group", &TEXT),
        may("kind", &TEXT),
        may("labelSelector", &TEXT),
        may("name", &TEXT),
        may("namespace", &TEXT),
        may("version", &TEXT),
    ],
);
static KUSTOMIZE_REPLICAS: Shape = list("v1alpha1.KustomizeReplicas", &KUSTOMIZE_REPLICA);
static KUSTOMIZE_REPLICA: Shape =
    object("v1alpha1.KustomizeReplica", &[must("count", &INTEGER_OR_TEXT), must("name", &TEXT)]);
static INTEGER_OR_TEXT: Shape = Shape::IntegerOrText;

static PLUGIN: Shape = object(
    "v1alpha1.ApplicationSourcePlugin",
    &[may("env", &ENV), may("name", &TEXT), may("parameters", &PLUGIN_PARAMETERS)],
);
static ENV: Shape = list("v1alpha1.Env", &ENV_ENTRY);
static ENV_ENTRY: Shape = object("v1alpha1.EnvEntry", &[must("name", &TEXT), must("value", &TEXT)]);
static PLUGIN_PARAMETERS: Shape = list("v1alpha1.ApplicationSourcePluginParameters", &PLUGIN_PARAMETER);
static PLUGIN_PARAMETER: Shape = object(
    "v1alpha1.ApplicationSourcePluginParameter",
    &[may("array", &TEXTS), may("map", &TEXT_MAP), may("name", &TEXT), may("string", &TEXT)],
);

static HYDRATOR: Shape = object(
    "v1alpha1.SourceHydrator",
    &[must("drySource", &DRY_SOURCE), may("hydrateTo", &HYDRATE_TO), must("syncSource", &SYNC_SOURCE)],
);
static DRY_SOURCE: Shape = object(
    "v1alpha1.DrySource",
    &[
        may("directory", &DIRECTORY),
        may("helm", &HELM),
        may("kustomize", &KUSTOMIZE),
        must("path", &TEXT),
        may("plugin", &PLUGIN),
        must("repoURL", &TEXT),
        must("targetRevision", &TEXT),
    ],
);
static HYDRATE_TO: Shape = object("v1alpha1.HydrateTo", &[must("targetBranch", &TEXT)]);
static SYNC_SOURCE: Shape =
    object("v1alpha1.SyncSource", &[must("path", &SYNC_PATH), may("repoURL", &TEXT), must("targetBranch", &TEXT)]);
static SYNC_PATH: Shape = Shape::Text { go: "string", rule: TextRule::NotTheRoot };

static SYNC_POLICY: Shape = object(
    "v1alpha1.SyncPolicy",
    &[
        may("automated", &AUTOMATED),
        may("managedNamespaceMetadata", &NAMESPACE_METADATA),
        may("retry", &RETRY),
        may("syncOptions", &SYNC_OPTIONS),
    ],
);
static AUTOMATED: Shape = object(
    "v1alpha1.SyncPolicyAutomated",
    &[may("allowEmpty", &BOOL), may("enabled", &BOOL), may("prune", &BOOL), may("selfHeal", &BOOL)],
);
static NAMESPACE_METADATA: Shape =
    object("v1alpha1.ManagedNamespaceMetadata", &[may("annotations", &TEXT_MAP), may("labels", &TEXT_MAP)]);
static RETRY: Shape =
    object("v1alpha1.RetryStrategy", &[may("backoff", &BACKOFF), may("limit", &INTEGER), may("refresh", &BOOL)]);
static BACKOFF: Shape =
    object("v1alpha1.Backoff", &[may("duration", &TEXT), may("factor", &INTEGER), may("maxDuration", &TEXT)]);
static SYNC_OPTIONS: Shape = list("v1alpha1.SyncOptions", &TEXT);

static OPERATION: Shape = object(
    "v1alpha1.Operation",
    &[may("info", &OPERATION_INFOS), may("initiatedBy", &INITIATOR), may("retry", &RETRY), may("sync", &SYNC)],
);
static OPERATION_INFOS: Shape = list("[]*v1alpha1.Info", &INFO);
static INITIATOR: Shape = object("v1alpha1.OperationInitiator", &[may("automated", &BOOL), may("username", &TEXT)]);
static SYNC: Shape = object(
    "v1alpha1.SyncOperation",
    &[
        may("autoHealAttemptsCount", &INTEGER),
        may("dryRun", &BOOL),
        may("manifests", &TEXTS),
        may("prune", &BOOL),
        may("resources", &SYNC_RESOURCES),
        may("revision", &TEXT),
        may("revisions", &TEXTS),
        may("source", &SOURCE),
        may("sources", &SOURCES),
        may("syncOptions", &SYNC_OPTIONS),
        may("syncStrategy", &SYNC_STRATEGY),
    ],
);
static SYNC_RESOURCES: Shape = list("[]v1alpha1.SyncOperationResource", &SYNC_RESOURCE);
static SYNC_RESOURCE: Shape = object(
    "v1alpha1.SyncOperationResource",
    &[may("group", &TEXT), must("kind", &TEXT), must("name", &TEXT), may("namespace", &TEXT)],
);
static SYNC_STRATEGY: Shape =
    object("v1alpha1.SyncStrategy", &[may("apply", &STRATEGY_APPLY), may("hook", &STRATEGY_HOOK)]);
static STRATEGY_APPLY: Shape = object("v1alpha1.SyncStrategyApply", &[may("force", &BOOL)]);
static STRATEGY_HOOK: Shape = object("v1alpha1.SyncStrategyHook", &[may("force", &BOOL)]);
