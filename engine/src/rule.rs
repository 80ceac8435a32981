//! The rules: one kebab-case id each, the same in code, docs, JSON, SARIF and policy. What is said of a rule in a few
//! words stands in one table; `docs/rules.md` says the rest.

use crate::words::words;

words! {
    /// How much a finding weighs.
    #[derive(PartialOrd, Ord)]
    Level {
        /// Said, and never a reason to fail.
        Note = "note",
        /// Fails the run under `--fail-on warning`.
        Warning = "warning",
        /// Fails the run.
        Error = "error",
    }
}

/// A row: the variant, its id, its level, whether a policy may lower that, and words.
macro_rules! rules {
    ($($variant:ident $id:literal $level:ident $lowering:ident {
        summary: $summary:literal,
        label: $label:literal,
        advice: $advice:expr,
    })*) => {
        /// What can be found.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Rule {
            $(#[doc = $summary] $variant,)*
        }

        impl Rule {
            /// Every rule, in the order of the documentation.
            pub const ALL: &[Rule] = &[$(Rule::$variant),*];

            /// The kebab-case id.
            pub const fn id(self) -> &'static str {
                match self { $(Rule::$variant => $id),* }
            }

            /// One sentence: what the rule says about a file.
            pub const fn summary(self) -> &'static str {
                match self { $(Rule::$variant => $summary),* }
            }

            /// The level a finding has unless the policy gives another.
            pub const fn level(self) -> Level {
                match self { $(Rule::$variant => Level::$level),* }
            }

            /// Whether a policy may say less of a rule than it says of itself. What a file would import, or
            /// that it was not wholly understood, stays an error.
            pub const fn may_be_lowered(self) -> bool {
                match self { $(Rule::$variant => matches!(Lowering::$lowering, Lowering::lowered)),* }
            }

            /// What is written at the mark in a listing.
            pub const fn label(self) -> &'static str {
                match self { $(Rule::$variant => $label),* }
            }

            /// What to do about a fault, where that is the same for every one.
            pub const fn advice(self) -> Option<&'static str> {
                match self { $(Rule::$variant => $advice),* }
            }
        }
    };
}

/// Whether a policy may give a rule a lower level; the words of the table.
#[allow(non_camel_case_types)]
enum Lowering {
    lowered,
    fixed,
}

rules! {
    ImportNotAllowed "import-not-allowed" Error fixed {
        summary: "Loading imports a name that no allowlist entry permits, or permits only for another use",
        label: "not allowed",
        advice: None,
    }
    PickleNotAllowed "pickle-not-allowed" Error fixed {
        summary: "The policy says that the repository holds no pickles, and this is one",
        label: "a pickle",
        advice: Some("store it in a format that holds data only, such as safetensors, or accept this very content by its SHA-256 under `files` in .fickgate.yaml"),
    }
    ImportUnresolved "import-unresolved" Error fixed {
        summary: "What loading imports is not a literal in the stream: computed names, extension codes, foreign persistent ids",
        label: "not a literal",
        advice: Some("honest picklers write module and name as text: save the file again"),
    }
    NestedUnresolved "nested-unresolved" Error fixed {
        summary: "A callable that unpickles bytes is given bytes that are not literal, so they cannot be read",
        label: "unpickles bytes that cannot be read here",
        advice: Some("save the file again with tensors in torch's own format, or as safetensors"),
    }
    ObjectMutation "object-mutation" Error fixed {
        summary: "Loading changes an imported class, function or module, or plants an attribute that turns data into calls",
        label: "changes what was imported",
        advice: Some("loading would change the running program, not just make objects: do not load it"),
    }
    StreamMalformed "stream-malformed" Error fixed {
        summary: "The pickle breaks off or holds bytes that an unpickler refuses; imports before the break have already run",
        label: "breaks off here",
        advice: Some("fetch or write the file again; exclude it if it is broken on purpose"),
    }
    StreamAmbiguous "stream-ambiguous" Error fixed {
        summary: "Python's unpicklers read these bytes differently",
        label: "read differently by different unpicklers",
        advice: Some("loaders disagree about these bytes: write the file again with pickle or torch"),
    }
    ContainerAnomaly "container-anomaly" Error fixed {
        summary: "The archive's records contradict each other or leave bytes uncovered, so loaders see different members",
        label: "here",
        advice: Some("write the archive again with the tool it came from"),
    }
    ContainerUnreadable "container-unreadable" Error lowered {
        summary: "The content is encrypted or in a form that is not read here, so nothing can be said for it",
        label: "here",
        advice: Some("store it unencrypted, in a form that can be read here"),
    }
    HiddenPickle "hidden-pickle" Error lowered {
        summary: "A pickle lies where its file's type does not suggest one",
        label: "here",
        advice: Some("name it as what it is, or remove it"),
    }
    ModelCode "model-code" Error lowered {
        summary: "A model brings or names code that is no pickle, which its loader runs",
        label: "here",
        advice: Some("if the code is yours and has been read, lower the rule under `levels`, or take the code out"),
    }
    NotAPickle "not-a-pickle" Note lowered {
        summary: "The extension is one that pickles use, the content is something else",
        label: "here",
        advice: None,
    }
    ResourceLimit "resource-limit" Error fixed {
        summary: "A stated limit was hit before everything was read",
        label: "the limit was hit here",
        advice: Some("split the file, or accept this very content by its SHA-256 under `files` in .fickgate.yaml"),
    }
    PointerUnresolved "pointer-unresolved" Error lowered {
        summary: "The file is a pointer to content that is not here",
        label: "here",
        advice: Some("fetch the content first, for example with `git lfs pull`"),
    }
    PointerMismatch "pointer-mismatch" Error fixed {
        summary: "The content that a pointer names has another size or hash",
        label: "here",
        advice: Some("fetch the content again"),
    }
    MissingObject "missing-object" Error lowered {
        summary: "Git does not have the object here",
        label: "here",
        advice: Some("fetch the object, for example with `git fetch --refetch`"),
    }
    CheckoutDiffers "checkout-differs" Error lowered {
        summary: "Checked-out bytes differ from the stored ones",
        label: "here",
        advice: Some("mark the path `-text -ident -filter` in .gitattributes"),
    }
    PolicyChanged "policy-changed" Note lowered {
        summary: "The change edits the policy; the base revision's policy was used",
        label: "here",
        advice: None,
    }
    UnusedAllow "unused-allow" Note lowered {
        summary: "An allow entry matched nothing",
        label: "here",
        advice: None,
    }
    ExpiredAllow "expired-allow" Warning lowered {
        summary: "An allow entry is past its date and no longer allows",
        label: "here",
        advice: None,
    }
    BroadAllow "broad-allow" Warning lowered {
        summary: "An allow entry covers more than one name",
        label: "here",
        advice: None,
    }
    ShadowedModule "shadowed-module" Warning lowered {
        summary: "The repository has a module under the name of one that the built-in list judged",
        label: "here",
        advice: None,
    }
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
