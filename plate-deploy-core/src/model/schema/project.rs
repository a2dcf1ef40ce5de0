//! The schema of `AppProject`, as data (Argo CD v3.6, `argoproj.io/v1alpha1`).

use super::application::DESTINATION;
use super::{BOOL, Field, INTEGER, METADATA, Shape, TEXT, TEXTS, TextRule, may, must};

const fn object(go: &'static str, fields: &'static [Field]) -> Shape {
    Shape::Object { go, fields }
}

const fn list(go: &'static str, item: &'static Shape) -> Shape {
    Shape::List { go, item }
}

pub(super) static APP_PROJECT: Shape = object(
    "v1alpha1.AppProject",
    &[
        may("apiVersion", &TEXT),
        may("kind", &TEXT),
        must("metadata", &METADATA),
        must("spec", &SPEC),
        may("status", &STATUS),
    ],
);

static SPEC: Shape = object(
    "v1alpha1.AppProjectSpec",
    &[
        may("clusterResourceBlacklist", &RESTRICTIONS),
        may("clusterResourceWhitelist", &RESTRICTIONS),
        may("description", &DESCRIPTION),
        may("destinationServiceAccounts", &SERVICE_ACCOUNTS),
        may("destinations", &DESTINATIONS),
        may("namespaceResourceBlacklist", &GROUP_KINDS),
        may("namespaceResourceWhitelist", &GROUP_KINDS),
        may("orphanedResources", &ORPHANED_RESOURCES),
        may("permitOnlyProjectScopedClusters", &BOOL),
        may("roles", &ROLES),
        may("signatureKeys", &SIGNATURE_KEYS),
        may("sourceIntegrity", &SOURCE_INTEGRITY),
        may("sourceNamespaces", &TEXTS),
        may("sourceRepos", &TEXTS),
        may("syncWindows", &SYNC_WINDOWS),
    ],
);
static DESCRIPTION: Shape = Shape::Text { go: "string", rule: TextRule::AtMost(255) };
static DESTINATIONS: Shape = list("[]v1alpha1.ApplicationDestination", &DESTINATION);

static RESTRICTIONS: Shape = list("[]v1alpha1.ClusterResourceRestrictionItem", &RESTRICTION);
static RESTRICTION: Shape =
    object("v1alpha1.ClusterResourceRestrictionItem", &[must("group", &TEXT), must("kind", &TEXT), may("name", &TEXT)]);
static GROUP_KINDS: Shape = list("[]v1.GroupKind", &GROUP_KIND);
static GROUP_KIND: Shape = object("v1.GroupKind", &[must("group", &TEXT), must("kind", &TEXT)]);

static SERVICE_ACCOUNTS: Shape = list("[]v1alpha1.ApplicationDestinationServiceAccount", &SERVICE_ACCOUNT);
static SERVICE_ACCOUNT: Shape = object(
    "v1alpha1.ApplicationDestinationServiceAccount",
    &[must("defaultServiceAccount", &TEXT), may("namespace", &TEXT), must("server", &TEXT)],
);

static ORPHANED_RESOURCES: Shape =
    object("v1alpha1.OrphanedResourcesMonitorSettings", &[may("ignore", &ORPHANED_KEYS), may("warn", &BOOL)]);
static ORPHANED_KEYS: Shape = list("[]v1alpha1.OrphanedResourceKey", &ORPHANED_KEY);
static ORPHANED_KEY: Shape =
    object("v1alpha1.OrphanedResourceKey", &[may("group", &TEXT), may("kind", &TEXT), may("name", &TEXT)]);

static ROLES: Shape = list("[]v1alpha1.ProjectRole", &ROLE);
static ROLE: Shape = object(
    "v1alpha1.ProjectRole",
    &[
        may("description", &TEXT),
        may("groups", &TEXTS),
        may("jwtTokens", &TOKENS),
        must("name", &TEXT),
        may("policies", &TEXTS),
    ],
);
static TOKENS: Shape = list("[]v1alpha1.JWTToken", &TOKEN);
static TOKEN: Shape = object("v1alpha1.JWTToken", &[may("exp", &INTEGER), must("iat", &INTEGER), may("id", &TEXT)]);

static SIGNATURE_KEYS: Shape = list("[]v1alpha1.SignatureKey", &SIGNATURE_KEY);
static SIGNATURE_KEY: Shape = object("v1alpha1.SignatureKey", &[must("keyID", &TEXT)]);

static SOURCE_INTEGRITY: Shape = object("v1alpha1.SourceIntegrity", &[must("git", &INTEGRITY_GIT)]);
static INTEGRITY_GIT: Shape = object("v1alpha1.SourceIntegrityGit", &[must("policies", &INTEGRITY_POLICIES)]);
static INTEGRITY_POLICIES: Shape = list("[]*v1alpha1.SourceIntegrityGitPolicy", &INTEGRITY_POLICY);
static INTEGRITY_POLICY: Shape =
    object("v1alpha1.SourceIntegrityGitPolicy", &[must("gpg", &INTEGRITY_GPG), must("repos", &INTEGRITY_REPOS)]);
static INTEGRITY_GPG: Shape =
    object("v1alpha1.SourceIntegrityGitPolicyGPG", &[must("keys", &TEXTS), must("mode", &INTEGRITY_MODE)]);
static INTEGRITY_MODE: Shape = Shape::Text { go: "v1alpha1.SourceIntegrityGitPolicyGPGMode", rule: TextRule::None };
static INTEGRITY_REPOS: Shape = list("[]v1alpha1.SourceIntegrityGitPolicyRepo", &INTEGRITY_REPO);
static INTEGRITY_REPO: Shape = object("v1alpha1.SourceIntegrityGitPolicyRepo", &[must("url", &TEXT)]);

static SYNC_WINDOWS: Shape = list("v1alpha1.SyncWindows", &SYNC_WINDOW);
static SYNC_WINDOW: Shape = object(
    "v1alpha1.InlineSyncWindow",
    &[
        may("andOperator", &BOOL),
        may("applications", &TEXTS),
        may("clusters", &TEXTS),
        may("description", &TEXT),
        may("duration", &TEXT),
        may("kind", &TEXT),
        may("manualSync", &BOOL),
        may("namespaces", &TEXTS),
        may("schedule", &TEXT),
        may("syncOverrun", &BOOL),
        may("timeZone", &TEXT),
    ],
);

static STATUS: Shape = object("v1alpha1.AppProjectStatus", &[may("jwtTokensByRole", &TOKENS_BY_ROLE)]);
static TOKENS_BY_ROLE: Shape = Shape::Map { go: "map[string]v1alpha1.JWTTokens", value: &ROLE_TOKENS };
static ROLE_TOKENS: Shape = object("v1alpha1.JWTTokens", &[may("items", &TOKENS)]);
