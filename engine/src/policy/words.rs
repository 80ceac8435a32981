//! The words of an entry: what an import is, what may be done with it, what remains dangerous, and what a refused
//! one fails.

use crate::words::words;

/// A set of uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Uses(u8);

impl Uses {
    /// No use at all.
    pub const NONE: Uses = Uses(0);
    /// Pushed, never applied.
    pub const REFERENCE: Uses = Uses(1);
    /// NEWOBJ; INST and OBJ without arguments on a class.
    pub const CREATE: Uses = Uses(2);
    /// REDUCE; INST and OBJ otherwise.
    pub const CALL: Uses = Uses(4);
    /// BUILD.
    pub const STATE: Uses = Uses(8);
    /// SETITEM, APPEND, ADDITEMS: for containers. It runs methods of the class.
    pub const ITEMS: Uses = Uses(16);
    /// Its result is called in turn.
    pub const CALL_RESULT: Uses = Uses(32);

    /// Everything but calling its result.
    pub const EVERY: Uses = Uses(31);
    /// What may be done with a class and its instances without calling the class.
    pub const OF_CLASS: Uses = Uses(1 | 2 | 8 | 16);

    /// Each use with its word, and the name it has here.
    pub const WORDS: &[(Uses, &str, &str)] = &[
        (Uses::REFERENCE, "reference", "REFERENCE"),
        (Uses::CREATE, "create", "CREATE"),
        (Uses::CALL, "call", "CALL"),
        (Uses::STATE, "state", "STATE"),
        (Uses::ITEMS, "items", "ITEMS"),
        (Uses::CALL_RESULT, "call-result", "CALL_RESULT"),
    ];

    /// Both sets.
    #[must_use]
    pub const fn with(self, other: Uses) -> Uses {
        Uses(self.0 | other.0)
    }

    /// Whether `other` is wholly inside.
    pub const fn contains(self, other: Uses) -> bool {
        self.0 & other.0 == other.0
    }

    /// The words of the policy file, in its order.
    pub fn words(self) -> Vec<&'static str> {
        Uses::WORDS.iter().filter(|(u, ..)| self.contains(*u)).map(|(_, w, _)| *w).collect()
    }

    /// The use a word of the policy file names.
    pub fn from_word(word: &str) -> Option<Uses> {
        Uses::WORDS.iter().find(|(_, w, _)| *w == word).map(|(u, ..)| *u)
    }

    /// The words that an entry may use. What an import returns is not judged, so no entry permits that it
    /// is called.
    pub fn of_entries() -> Vec<(&'static str, Uses)> {
        let may = |(uses, ..): &&(Uses, &str, &str)| *uses != Uses::CALL_RESULT;
        Uses::WORDS.iter().filter(may).map(|(uses, word, _)| (*word, *uses)).collect()
    }
}

words! {
    /// What kind of thing an import is.
    Kind {
        /// reference, create, state.
        Class = "class",
        /// call.
        Function = "function",
        /// reference, call: a member is made by calling its class with its value.
        Enum = "enum",
        /// reference.
        Constant = "constant",
    }
}

impl Kind {
    /// What an entry of this kind permits where it names no uses.
    pub const fn default_uses(self) -> Uses {
        match self {
            Kind::Class => Uses::REFERENCE.with(Uses::CREATE).with(Uses::STATE),
            Kind::Function => Uses::CALL,
            Kind::Enum => Uses::REFERENCE.with(Uses::CALL),
            Kind::Constant => Uses::REFERENCE,
        }
    }
}

words! {
    /// What remains dangerous about an entry that is listed all the same.
    Risk {
        /// State goes unchecked to compiled code: a forged file can make it read or write memory it
        /// should not. `extends: [ml, -native-memory]` leaves such entries out.
        NativeMemory = "native-memory",
    }
}

words! {
    /// What a refused import fails, see [`crate::policy`].
    Criterion {
        /// It executes code that the pickle brings or names.
        Code = "code",
        /// It reaches attributes or items of other objects by name.
        Access = "access",
        /// It imports, or refers to what the process has loaded.
        Import = "import",
        /// It deserialises further data.
        Nested = "nested",
        /// It opens files or sockets, starts processes, or changes the process.
        Effect = "effect",
    }
}

impl Criterion {
    /// The criterion in a few words, to follow "it".
    pub const fn in_words(self) -> &'static str {
        match self {
            Criterion::Code => "executes code that the pickle brings or names",
            Criterion::Access => "reaches into other objects by a name that the pickle chooses",
            Criterion::Import => "imports, or refers to what the process has loaded",
            Criterion::Nested => "deserialises further data",
            Criterion::Effect => "acts on files, sockets, processes or the interpreter",
        }
    }
}
