//! The rules: one kebab-case id each, the same in code, docs, JSON, SARIF and policy. Everything that is said of a rule
//! stands in one table; `docs/rules.md`, the schema of policies, `fickgate rule` and the reports are made from it.

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
        tags: [$($tag:literal),*],
        example: $example:literal,
        meaning: $meaning:literal,
        fix: $fix:literal,
        lowering: $lowered:literal,
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

            /// Words for code scanning, with the kind of weakness where there is a number for it.
            pub const fn tags(self) -> &'static [&'static str] {
                match self { $(Rule::$variant => &[$($tag),*]),* }
            }

            /// The command whose output is the example on the page of rules.
            pub const fn example(self) -> &'static str {
                match self { $(Rule::$variant => $example),* }
            }

            /// What a finding means, Markdown.
            pub const fn meaning(self) -> &'static str {
                match self { $(Rule::$variant => $meaning),* }
            }

            /// What to do about a finding, Markdown.
            pub const fn fix(self) -> &'static str {
                match self { $(Rule::$variant => $fix),* }
            }

            /// When a policy may give the rule another level, Markdown.
            pub const fn lowering(self) -> &'static str {
                match self { $(Rule::$variant => $lowered),* }
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
        tags: ["security", "pickle", "external/cwe/cwe-502"],
        example: "fickgate",
        meaning: "\
A pickle is a program. Its opcodes import names and apply them, and whoever wrote the file chose both.
fickgate ran the stack and the memo as an unpickler would, and one of the names that loading resolves is
not on the allowlist; or it is there for a milder use than this one. An entry permits uses: `reference`
(the name is passed on as a value), `create` (an instance is made without running `__init__`), `call`
(it is called with arguments from the file) and `state` (attributes or items are set on an instance). Where
loading runs code of the class, an entry of the built-in list is for values of a stated shape besides: the
message names the trigger, and [triggers.md](triggers.md) explains it.

The first word of the message is the reason: `unknown` (nobody has judged the name), `refused` (it was judged
and left out, or is listed for less than this) or `dangerous` (it runs code or acts on the machine as such).",
        fix: "\
Look at the file first: `fickgate explain FILE` shows what loading it would do. If you do not know why a
model would import that name, do not load the file and ask where it came from. If the file holds tensors
only, save it again as safetensors, which cannot import anything. If the name belongs to your own code,
read what its `__new__`, `__setstate__` and `__reduce__` do, then add it to `allow` in
`.fickgate.yaml`, with the reason. A name that was misspelled or has moved is shown with its nearest entry.",
        lowering: "\
Never. Allow the import, for the paths that need it, or pin the file's hash under `files`.",
    }
    PickleNotAllowed "pickle-not-allowed" Error fixed {
        summary: "The policy says that the repository holds no pickles, and this is one",
        label: "a pickle",
        advice: Some("store it in a format that holds data only, such as safetensors, or accept this very content by its SHA-256 under `files` in .fickgate.yaml"),
        tags: ["security", "pickle", "external/cwe/cwe-502", "policy"],
        example: "fickgate",
        meaning: "\
The policy has the line `pickles: none`: nothing in the repository is to be loaded by unpickling. Every pickle that
is found is an error, in an archive or behind another name as well, and also where all that it imports is allowed.",
        fix: "\
Store it in a format that holds data only, such as safetensors, or keep it out of the repository. One that has to stay
can be pinned by its hash under `files`.",
        lowering: "\
Never. A repository that holds pickles leaves the line out, and judges them by what they import.",
    }
    ImportUnresolved "import-unresolved" Error fixed {
        summary: "What loading imports is not a literal in the stream: computed names, extension codes, foreign persistent ids",
        label: "not a literal",
        advice: Some("honest picklers write module and name as text: save the file again"),
        tags: ["security", "pickle", "external/cwe/cwe-502"],
        example: "fickgate",
        meaning: "\
The module or the name of an import does not stand in the file as text. It is the result of a call, it
comes from an extension code whose meaning is a table in the loading process, or a persistent id is
handed to a function of the loading program. Which name is imported cannot be read from the file, so
nothing can be said for it. Frameworks write literal names.",
        fix: "\
Load the file where it is trusted, and save it again with the framework's own function. Persistent ids are
understood in the form torch gives them; a program with ids of its own can keep its files elsewhere or
pin them by hash.",
        lowering: "\
Never. A file that must stay as it is can be pinned by its hash under `files`.",
    }
    NestedUnresolved "nested-unresolved" Error fixed {
        summary: "A callable that unpickles bytes is given bytes that are not literal, so they cannot be read",
        label: "unpickles bytes that cannot be read here",
        advice: Some("save the file again with tensors in torch's own format, or as safetensors"),
        tags: ["security", "pickle", "external/cwe/cwe-502"],
        example: "fickgate",
        meaning: "\
Some functions unpickle their argument, such as `torch.storage._load_from_bytes`. Where the bytes stand in
the stream they are read as a file of their own, to the same standard. Here they are computed while
loading, so what is in them is unknown until it has run.",
        fix: "\
Save the object again: `torch.save` and `joblib.dump` write such bytes literally, or not at all.",
        lowering: "\
Never. A file that must stay as it is can be pinned by its hash under `files`.",
    }
    ObjectMutation "object-mutation" Error fixed {
        summary: "Loading changes an imported class, function or module, or plants an attribute that turns data into calls",
        label: "changes what was imported",
        advice: Some("loading would change the running program, not just make objects: do not load it"),
        tags: ["security", "pickle", "external/cwe/cwe-502"],
        example: "fickgate",
        meaning: "\
State is set on something that was imported rather than made by the file: a module's dictionary, a class,
a shared list. The change outlives loading and reaches code that never touched the file. The same rule
covers attributes that turn later opcodes into calls, such as an instance attribute named `__setstate__`,
`append` or `extend`.",
        fix: "\
No framework writes this. Treat the file as hostile until someone can say who made it and why.",
        lowering: "\
Never.",
    }
    StreamMalformed "stream-malformed" Error fixed {
        summary: "The pickle breaks off or holds bytes that an unpickler refuses; imports before the break have already run",
        label: "breaks off here",
        advice: Some("fetch or write the file again; exclude it if it is broken on purpose"),
        tags: ["security", "pickle", "external/cwe/cwe-502"],
        example: "fickgate",
        meaning: "\
An unpickler works through the file from the front. When it stops with an error, everything before has
already happened, so a broken file is not a harmless one. The imports before the break are judged as
always; this finding says that the rest could not be read as a pickle.",
        fix: "\
Most often the file is a partial download or a checkpoint from a run that was killed: fetch or write it
again. If the file is no pickle at all, give it an extension that does not say so.",
        lowering: "\
Never. Test data that is broken on purpose can be excluded by path.",
    }
    StreamAmbiguous "stream-ambiguous" Error fixed {
        summary: "Python's unpicklers read these bytes differently",
        label: "read differently by different unpicklers",
        advice: Some("loaders disagree about these bytes: write the file again with pickle or torch"),
        tags: ["security", "pickle", "external/cwe/cwe-436"],
        example: "fickgate",
        meaning: "\
CPython has two unpicklers, one in C and one in Python, and their versions differ in corners: frames that
cut an opcode in two, spellings of numbers, marks. Bytes that use such a corner can show one thing to a
scanner and another to a loader, so they are refused whatever each reading holds. No pickler writes them.",
        fix: "\
Load the file where it is trusted, and save it again.",
        lowering: "\
Never.",
    }
    ContainerAnomaly "container-anomaly" Error fixed {
        summary: "The archive's records contradict each other or leave bytes uncovered, so loaders see different members",
        label: "here",
        advice: Some("write the archive again with the tool it came from"),
        tags: ["security", "pickle", "external/cwe/cwe-436"],
        example: "fickgate",
        meaning: "\
A zip archive says twice what is in it: in a header before each member and in a directory at the end. One
loader believes the first, another the second. Where the two disagree in names, sizes, methods or flags,
where a name occurs twice, or where bytes lie that no record covers, the same file holds different models
for different programs. Both readings are scanned, and the contradiction itself is this finding.",
        fix: "\
Load the file where it is trusted, and save it again with the framework. Rewriting the archive with another
zip tool also makes its records agree, but keeps what is inside.",
        lowering: "\
Never. A file that must stay as it is can be pinned by its hash under `files`.",
    }
    ContainerUnreadable "container-unreadable" Error lowered {
        summary: "The content is encrypted or in a form that is not read here, so nothing can be said for it",
        label: "here",
        advice: Some("store it unencrypted, in a form that can be read here"),
        tags: ["security", "pickle", "unread"],
        example: "fickgate",
        meaning: "\
The file looks like a model or an archive of models, and its content cannot be seen: an encrypted member,
a compression method or an archive format that fickgate does not read.",
        fix: "\
Commit the content in a form that can be reviewed: without the password, as zip, tar or one of gzip, bzip2,
xz, lz4 and zstd.",
        lowering: "\
For archives that nothing in the repository unpacks and loads, such as encrypted backups. Prefer excluding
their path, which says which files are meant.",
    }
    HiddenPickle "hidden-pickle" Error lowered {
        summary: "A pickle lies where its file's type does not suggest one",
        label: "here",
        advice: Some("name it as what it is, or remove it"),
        tags: ["security", "pickle", "external/cwe/cwe-434"],
        example: "fickgate",
        meaning: "\
The content of every file is looked at, whatever its name. This one has the name or the first bytes of
something else, such as an image or a text, and a loader would still read a pickle from it. Files that are
two things at once are a way past reviewers and scanners.",
        fix: "\
Give the file the name of what it is, or find out who made it so.",
        lowering: "\
For repositories whose programs give pickles names of their own. The imports in them are judged all the same.",
    }
    ModelCode "model-code" Error lowered {
        summary: "A model brings or names code that is no pickle, which its loader runs",
        label: "here",
        advice: Some("if the code is yours and has been read, lower the rule under `levels`, or take the code out"),
        tags: ["security", "pickle", "external/cwe/cwe-94"],
        example: "fickgate",
        meaning: "\
Pickles are not the only code in model files. A Keras configuration can hold a function as byte code (a Lambda layer)
or name one of any module; a skops schema names what is imported; packages of torch hold Python modules and native
libraries. The finding says what runs and when. It is an error where a loader that is in use runs it unasked, and a
warning where somebody has to ask for it. Configuration is read as text and never executed. A name that the policy
permits is as good in configuration as in a pickle. [formats.md](formats.md) has the table of what is judged so, and
of what is not.",
        fix: "\
Write the layer as a class, register it, and save the model again. Keep sources and libraries beside the model, where
they are reviewed as code.",
        lowering: "\
Where the code is your own, has been read, and has to travel with the model: `levels: {model-code: warning}`. Name the
modules of your own layers under `allow` rather than lowering the rule for all.",
    }
    NotAPickle "not-a-pickle" Note lowered {
        summary: "The extension is one that pickles use, the content is something else",
        label: "here",
        advice: None,
        tags: ["security", "pickle", "unread"],
        example: "fickgate -v",
        meaning: "\
The file was looked at and holds no pickle: raw weights in a `.bin`, a JSON file named `.p`. It is said so
that a count of scanned pickles can be understood.",
        fix: "\
Nothing needs fixing. Notes are shown with `-v` and never fail a run.",
        lowering: "\
It is a note already. Raise it to `warning` where every model file is meant to be a pickle.",
    }
    ResourceLimit "resource-limit" Error fixed {
        summary: "A stated limit was hit before everything was read",
        label: "the limit was hit here",
        advice: Some("split the file, or accept this very content by its SHA-256 under `files` in .fickgate.yaml"),
        tags: ["security", "pickle", "external/cwe/cwe-400"],
        example: "fickgate",
        meaning: "\
fickgate bounds the memory and the time that a file can cost: decompressed size and ratio, nesting,
members, memo and stack. Honest files stay far below. What was read until then has been judged; the rest
was not, so the file is refused.",
        fix: "\
Split the file, or store it with less compression or nesting. If an honest file hits a limit, please report
it with its framework and version.",
        lowering: "\
Never. A file that must stay as it is can be pinned by its hash under `files`.",
    }
    PointerUnresolved "pointer-unresolved" Error lowered {
        summary: "The file is a pointer to content that is not here",
        label: "here",
        advice: Some("fetch the content first, for example with `git lfs pull`"),
        tags: ["security", "pickle", "unread"],
        example: "fickgate --staged",
        meaning: "\
The repository holds a few lines that name the content (Git LFS, git-annex, DVC), and the content itself is
not on this machine, so what would be loaded was not scanned.",
        fix: "\
Fetch the content before scanning: `git lfs pull`, `git annex get`, `dvc pull`. In GitHub Actions set
`lfs: true` for `actions/checkout`.",
        lowering: "\
Where another job scans the content, or where a job has no access to the store. Lower it in that job only,
with a policy file of its own.",
    }
    PointerMismatch "pointer-mismatch" Error fixed {
        summary: "The content that a pointer names has another size or hash",
        label: "here",
        advice: Some("fetch the content again"),
        tags: ["security", "pickle", "external/cwe/cwe-345"],
        example: "fickgate --staged",
        meaning: "\
The content that lies in the local store, or in the working tree, is not the content the pointer stands
for. What was scanned is then not what others will get.

Or a file begins with a whole Git LFS pointer and goes on after the 1,024 bytes that Git LFS reads. A checkout
with Git LFS makes one file of it, a checkout without it another.",
        fix: "\
Remove the object from the store and fetch it again, or add the file again so that the pointer is renewed.",
        lowering: "\
Never.",
    }
    MissingObject "missing-object" Error lowered {
        summary: "Git does not have the object here",
        label: "here",
        advice: Some("fetch the object, for example with `git fetch --refetch`"),
        tags: ["security", "pickle", "unread"],
        example: "fickgate --staged",
        meaning: "\
The tree names an object that this clone lacks: a partial clone (`--filter`), a shallow clone, or a damaged
repository. The file exists for everybody else and was not scanned.",
        fix: "\
Fetch it: `git fetch --refetch`, `git fetch --unshallow`, or a clone without `--filter`.",
        lowering: "\
In jobs that work on a partial clone on purpose, while another job scans everything.",
    }
    CheckoutDiffers "checkout-differs" Error lowered {
        summary: "Checked-out bytes differ from the stored ones",
        label: "here",
        advice: Some("mark the path `-text -ident -filter` in .gitattributes"),
        tags: ["security", "pickle", "external/cwe/cwe-436"],
        example: "fickgate --staged",
        meaning: "\
`.gitattributes` tells git to rewrite this file on checkout: line ends, `ident`, an encoding, a filter. A
pickle is binary: after such a rewrite it is a different program from the one that was stored and scanned.

Or a machine does so by itself: where `core.autocrlf` is true, text gets CRLF line ends, and what is a string in the
stored pickle is code behind it there. Or the file has a name that systems without case take for `.gitattributes` or
for the policy, or they take its folder for another one that holds attributes.",
        fix: "\
Mark model files as binary in `.gitattributes`: `*.pkl binary`. For content kept elsewhere use Git LFS, whose
filter is understood. What is told of `core.autocrlf` no attribute takes back: write the file anew, with protocol 2
or newer, and find out who made it so.",
        lowering: "\
Where a filter is known to be harmless, such as one that only cleans on commit.",
    }
    PolicyChanged "policy-changed" Note lowered {
        summary: "The change edits the policy; the base revision's policy was used",
        label: "here",
        advice: None,
        tags: ["security", "pickle", "policy"],
        example: "fickgate --diff main..HEAD",
        meaning: "\
A change does not judge itself. A pull request that adds a model and the entry that allows it is judged by
the policy as it was before; this note says that the change edits it, and what would be different after it
is merged. A commit hook judges by the policy in the index, and says what the commit changes of it.",
        fix: "\
Merge the policy first, in a change of its own with the reviewers it needs, then the model.",
        lowering: "\
It is a note already. Raise it to `warning` or `error` where the policy has owners who must see each change.",
    }
    UnusedAllow "unused-allow" Note lowered {
        summary: "An allow entry matched nothing",
        label: "here",
        advice: None,
        tags: ["security", "pickle", "policy"],
        example: "fickgate -v",
        meaning: "\
The policy allows an import, or pins a file, that nothing in this run has. Entries that outlive their
reason are open doors. A run over a few staged files says little about them; a run over the whole
repository says much.",
        fix: "\
Remove the entry, or give it a date with `expires`.",
        lowering: "\
It is a note already. Raise it to `warning` in a scheduled run over the whole repository.",
    }
    ExpiredAllow "expired-allow" Warning lowered {
        summary: "An allow entry is past its date and no longer allows",
        label: "here",
        advice: None,
        tags: ["security", "pickle", "policy"],
        example: "fickgate",
        meaning: "\
An entry with `expires` was meant to be looked at again by that day. From the day after it allows nothing.",
        fix: "\
Ask the person who wrote the reason. Then move the date, or remove the entry.",
        lowering: "\
When entries expire by routine and findings for the imports themselves are enough.",
    }
    BroadAllow "broad-allow" Warning lowered {
        summary: "An allow entry covers more than one name",
        label: "here",
        advice: None,
        tags: ["security", "pickle", "policy"],
        example: "fickgate",
        meaning: "\
A pattern such as `ourcompany.models.*` allows names that do not exist yet, among them whatever the module
imports itself. Patterns are accepted for a repository's own packages, never through dots or for the
standard library, and they are said in every run.",
        fix: "\
List the classes that the files really use, one entry each: `fickgate explain FILE` shows them.",
        lowering: "\
For a package that only the same team can change, with review, and whose names change often.",
    }
    ShadowedModule "shadowed-module" Warning lowered {
        summary: "The repository has a module under the name of one that the built-in list judged",
        label: "here",
        advice: None,
        tags: ["security", "pickle", "external/cwe/cwe-427"],
        example: "fickgate",
        meaning: "\
The built-in list allows `numpy.dtype` because the code of numpy was read. Python looks for a module in the
folder it is run in before it looks at what is installed. A `numpy.py` or a `numpy/__init__.py` at the root of
the repository takes the place of numpy there, and a pickle that imports `numpy.dtype` runs its code. It is
said when a file of the run relies on such a module.",
        fix: "\
Rename the module. Where it has to have that name, deny what files import from it: `deny: [numpy.**]`.",
        lowering: "\
In the repository of that very framework, whose own files import it: `levels: {shadowed-module: note}`.",
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
