//! The rules: one kebab-case id each, the same in code, docs, JSON, SARIF and policy.

use serde::{Deserialize, Serialize};

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Said, and never a reason to fail.
    Note,
    /// Fails the run under `--fail-on warning`.
    Warning,
    /// Fails the run.
    Error,
}

impl Level {
    /// The word used in every format.
    pub fn as_str(self) -> &'static str {
        match self {
            Level::Note => "note",
            Level::Warning => "warning",
            Level::Error => "error",
        }
    }
}

macro_rules! rules {
    ($($variant:ident $id:literal $level:ident $summary:literal;)*) => {
        /// What can be found.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Rule {
            $(#[doc = $summary] #[serde(rename = $id)] $variant,)*
        }

        impl Rule {
            /// Every rule, in the order of the documentation.
            pub const ALL: &[Rule] = &[$(Rule::$variant),*];

            /// The kebab-case id.
            pub fn id(self) -> &'static str {
                match self { $(Rule::$variant => $id),* }
            }

            /// One sentence: what the rule says about a file.
            pub fn summary(self) -> &'static str {
                match self { $(Rule::$variant => $summary),* }
            }

            /// The level a finding has unless the policy lowers it.
            pub fn level(self) -> Level {
                match self { $(Rule::$variant => Level::$level),* }
            }
        }
    };
}

rules! {
    ImportNotAllowed "import-not-allowed" Error "Loading imports a name that no allowlist entry permits, or permits only for another use";
    ImportUnresolved "import-unresolved" Error "What loading imports is not a literal in the stream: computed names, extension codes, foreign persistent ids";
    NestedUnresolved "nested-unresolved" Error "A callable that unpickles bytes is given bytes that are not literal, so they cannot be read";
    ObjectMutation "object-mutation" Error "Loading changes an imported class, function or module, or plants an attribute that turns data into calls";
    StreamMalformed "stream-malformed" Error "The pickle breaks off or holds bytes that an unpickler refuses; imports before the break have already run";
    StreamAmbiguous "stream-ambiguous" Error "Python's unpicklers read these bytes differently";
    ContainerAnomaly "container-anomaly" Error "The archive's records contradict each other or leave bytes uncovered, so loaders see different members";
    ContainerUnreadable "container-unreadable" Error "The content is encrypted or in a form that is not read here, so nothing can be said for it";
    HiddenPickle "hidden-pickle" Error "A pickle lies where its file's type does not suggest one";
    NotAPickle "not-a-pickle" Note "The extension is one that pickles use, the content is something else";
    ResourceLimit "resource-limit" Error "A stated limit was hit before everything was read";
    PointerUnresolved "pointer-unresolved" Error "The file is a pointer to content that is not here";
    PointerMismatch "pointer-mismatch" Error "The content that a pointer names has another size or hash";
    MissingObject "missing-object" Error "Git does not have the object here";
    CheckoutDiffers "checkout-differs" Error "Attributes make the checked-out bytes differ from the stored ones";
    PolicyChanged "policy-changed" Note "The change edits the policy; the base revision's policy was used";
    UnusedAllow "unused-allow" Note "An allow entry matched nothing";
    ExpiredAllow "expired-allow" Warning "An allow entry is past its date and no longer allows";
    BroadAllow "broad-allow" Warning "An allow entry covers more than one name";
    ShadowedModule "shadowed-module" Warning "The repository has a module under the name of one that the built-in list judged";
}

impl Rule {
    /// The rule with this id.
    pub fn from_id(id: &str) -> Option<Rule> {
        Rule::ALL.iter().copied().find(|r| r.id() == id)
    }
}

impl std::fmt::Display for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.id())
    }
}
