//! The methods of listed classes, from `methods.tsv`: which attribute of an object hides one.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fmt::Write as _;

/// Classes by their place, those that are not listed among them: each has its bases and what it defines itself.
#[derive(Default)]
pub struct Methods {
    places: BTreeMap<String, u16>,
    rows: Vec<(Vec<u16>, Vec<u16>)>,
    names: Vec<String>,
}

impl Methods {
    /// Reads `methods.tsv`.
    pub fn read(text: &str) -> Result<Methods, Box<dyn Error>> {
        let lines =
            || text.lines().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        let mut written = Vec::new();
        let mut methods = Methods::default();
        for (i, line) in lines() {
            let mut columns = line.split('\t');
            let place = columns.next().unwrap_or_default();
            let [bases, names] = [(); 2].map(|()| columns.next().unwrap_or_default());
            if columns.next().is_some() || methods.places.contains_key(place) {
                return Err(format!("methods.tsv:{}: more than three columns, or twice", i + 1).into());
            }
            methods.places.insert(place.to_owned(), u16::try_from(written.len())?);
            written.push((i, bases, names));
        }
        let all: BTreeSet<&str> = written.iter().flat_map(|(_, _, names)| names.split_whitespace()).collect();
        methods.names = all.iter().map(|name| (*name).to_owned()).collect();
        for (i, bases, names) in written {
            let base = |place: &str| methods.places.get(place).copied();
            let bases = bases.split_whitespace().map(base).collect::<Option<Vec<u16>>>();
            let bases = bases.ok_or_else(|| format!("methods.tsv:{}: a base has no row", i + 1))?;
            let name = |name: &str| methods.name(name).ok_or("a name is lost");
            let names = names.split_whitespace().map(name).collect::<Result<Vec<u16>, _>>()?;
            methods.rows.push((bases, names));
        }
        Ok(methods)
    }

    fn name(&self, name: &str) -> Option<u16> {
        self.names.binary_search_by(|n| n.as_str().cmp(name)).ok().and_then(|i| u16::try_from(i).ok())
    }

    /// The class of an entry, as an expression.
    pub fn of(&self, module: &str, name: &str) -> String {
        let class = self.places.get(&format!("{module}:{name}"));
        class.map_or("None".to_owned(), |class| format!("Some(Class({class}))"))
    }

    /// The tables; `place` puts a text where all texts are.
    pub fn tables(&self, mut place: impl FnMut(&str) -> String) -> Result<String, std::fmt::Error> {
        let mut out = String::new();
        let names: Vec<String> = self.names.iter().map(|name| place(name)).collect();
        writeln!(out, "static METHOD_NAMES: [Slice; {}] = [{}];", names.len(), names.join(", "))?;
        let mut all: Vec<u16> = Vec::new();
        let mut classes = Vec::new();
        let mut range = |part: &[u16]| {
            all.extend(part);
            format!("({}, {})", all.len() - part.len(), part.len())
        };
        for (bases, names) in &self.rows {
            classes.push(format!("({}, {})", range(bases), range(names)));
        }
        writeln!(out, "static CLASSES: [(Range, Range); {}] = [{}];", classes.len(), classes.join(", "))?;
        writeln!(out, "static CLASS_PARTS: [u16; {}] = {all:?};", all.len())?;
        Ok(out)
    }
}
