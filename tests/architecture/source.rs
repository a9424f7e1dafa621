//! Reads Rust as tokens: which module a file is, which paths of this crate it names, and what it passes on under its own
//! name. Code for tests is left out, and so are comments.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};

/// A module by its path from the crate's root.
pub type Module = Vec<String>;

/// A path that a file names, from the crate's root or from a foreign crate's name.
#[derive(Clone, Debug)]
pub struct Named {
    /// Its segments.
    pub path: Vec<String>,
    /// Where.
    pub line: usize,
}

/// A file of the tree.
#[derive(Debug, Default)]
pub struct File {
    /// Its name, as the tree was given.
    pub name: String,
    /// Paths of this crate.
    pub named: Vec<Named>,
    /// Every other path of two segments or more; of a macro the last is `!`.
    pub foreign: Vec<Named>,
    /// Texts in it, by line.
    pub texts: Vec<(usize, String)>,
    /// What it passes on: a name, and the path from the root that is behind it.
    passed_on: BTreeMap<String, Vec<String>>,
    /// Modules that are only there for tests.
    for_tests: BTreeSet<String>,
    /// Modules that it declares.
    children: BTreeSet<String>,
}

/// All files, by module.
pub struct Tree(pub BTreeMap<Module, File>);

impl Tree {
    /// Reads a folder.
    pub fn read(root: &Path) -> Self {
        Self::of(texts(root))
    }

    /// Of files by name, as `engine/worker.rs`.
    pub fn of(texts: Vec<(String, String)>) -> Self {
        let mut files = BTreeMap::new();
        for (name, text) in texts {
            let module = module_of(&name);
            let file = File::parse(name, &module, &text);
            files.insert(module, file);
        }
        let for_tests: Vec<Module> = files
            .iter()
            .flat_map(|(module, file): (&Module, &File)| {
                let child = |name: &String| [&module[..], std::slice::from_ref(name)].concat();
                file.for_tests.iter().map(child).collect::<Vec<_>>()
            })
            .collect();
        files.retain(|module, _| !for_tests.iter().any(|tests| module.starts_with(tests)));
        Self(files)
    }

    /// The module where what is named is written, through what modules pass on.
    pub fn home(&self, path: &[String]) -> Module {
        let mut path = path.to_vec();
        for _ in 0..16 {
            let depth = (0..=path.len())
                .rev()
                .find(|depth| self.0.contains_key(&path[..*depth]))
                .unwrap_or(0);
            let (module, rest) = path.split_at(depth);
            let behind = rest
                .first()
                .and_then(|name| self.0.get(module)?.passed_on.get(name));
            match behind {
                Some(behind) => path = [&behind[..], &rest[1..]].concat(),
                None => return module.to_vec(),
            }
        }
        path
    }
}

/// The files of a folder by name, with their texts.
pub fn texts(root: &Path) -> Vec<(String, String)> {
    let mut texts = Vec::new();
    gather(root, root, &mut texts);
    texts
}

fn gather(root: &Path, folder: &Path, texts: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            gather(root, &path, texts);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap();
            texts.push((name.to_owned(), std::fs::read_to_string(&path).unwrap()));
        }
    }
}

fn module_of(name: &str) -> Module {
    let stem = name.strip_suffix(".rs").unwrap();
    let mut module: Module = stem.split('/').map(str::to_owned).collect();
    if matches!(module.last().map(String::as_str), Some("mod" | "lib")) {
        module.pop();
    }
    module
}

impl File {
    fn parse(name: String, module: &[String], text: &str) -> Self {
        let mut file = Self {
            name,
            ..Self::default()
        };
        let tokens: TokenStream = text.parse().unwrap();
        let tokens: Vec<_> = tokens.into_iter().collect();
        file.children = tokens.windows(2).filter_map(inline).collect();
        file.walk(&tokens, module);
        file
    }

    fn walk(&mut self, tokens: &[TokenTree], module: &[String]) {
        let mut at = 0;
        while at < tokens.len() {
            if is_for_tests(&tokens[at..]) {
                at += 2;
                let ended = item_end(&tokens[at..]);
                let item = &tokens[at..];
                let item = &item[visibility_end(item)..];
                if let [TokenTree::Ident(word), TokenTree::Ident(name), ..] = item
                    && *word == "mod"
                {
                    self.for_tests.insert(name.to_string());
                }
                at += ended;
                continue;
            }
            if let Some(used) = self.pass_on(&tokens[at..], module) {
                at += used;
                continue;
            }
            match &tokens[at] {
                TokenTree::Group(group) => {
                    let inner: Vec<_> = group.stream().into_iter().collect();
                    let name = (at >= 2).then(|| inline(&tokens[at - 2..at])).flatten();
                    match name.filter(|_| group.delimiter() == Delimiter::Brace) {
                        Some(name) => self.walk(&inner, &[module, &[name]].concat()),
                        None => self.walk(&inner, module),
                    }
                    at += 1;
                }
                TokenTree::Ident(_) => at += self.path(&tokens[at..], module),
                TokenTree::Literal(literal) => {
                    let line = literal.span().start().line;
                    self.texts.push((line, literal.to_string()));
                    at += 1;
                }
                TokenTree::Punct(_) => at += 1,
            }
        }
    }

    // `pub use …;` under the names that it gives, besides being a use.
    fn pass_on(&mut self, tokens: &[TokenTree], module: &[String]) -> Option<usize> {
        let at = visibility_end(tokens);
        if at == 0 || !is_word(tokens.get(at)?, "use") {
            return None;
        }
        let end = item_end(&tokens[at..]);
        for (path, name, line) in tree(&tokens[at + 1..at + end]) {
            let path = self.absolute(&path, module);
            self.note(&path, line);
            if let Some(path) = path.own() {
                self.passed_on.insert(name, path);
            }
        }
        Some(at + end)
    }

    // A path, wherever it stands, or the name of a macro.
    fn path(&mut self, tokens: &[TokenTree], module: &[String]) -> usize {
        let end = path_end(tokens);
        let is_macro = is_punct(tokens.get(end), '!');
        for (mut path, _, line) in tree(&tokens[..end]) {
            if is_macro {
                path.push("!".to_owned());
            }
            let path = self.absolute(&path, module);
            self.note(&path, line);
        }
        end
    }

    fn note(&mut self, path: &Absolute, line: usize) {
        let (list, path) = match path {
            Absolute::Own(path) => (&mut self.named, path),
            Absolute::Foreign(path) if path.len() > 1 => (&mut self.foreign, path),
            Absolute::Foreign(_) => return,
        };
        let path = path.clone();
        list.push(Named { path, line });
    }

    fn absolute(&self, path: &[String], module: &[String]) -> Absolute {
        match path[0].as_str() {
            "crate" => Absolute::Own(path[1..].to_vec()),
            "self" => Absolute::Own([module, &path[1..]].concat()),
            "super" => {
                let up = path.iter().take_while(|part| *part == "super").count();
                let above = &module[..module.len().saturating_sub(up)];
                Absolute::Own([above, &path[up..]].concat())
            }
            child if self.children.contains(child) => Absolute::Own([module, path].concat()),
            _ => Absolute::Foreign(path.to_vec()),
        }
    }
}

enum Absolute {
    Own(Vec<String>),
    Foreign(Vec<String>),
}

impl Absolute {
    fn own(self) -> Option<Vec<String>> {
        match self {
            Self::Own(path) => Some(path),
            Self::Foreign(_) => None,
        }
    }
}

fn is_word(token: &TokenTree, word: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if *ident == word)
}

fn is_punct(token: Option<&TokenTree>, sign: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == sign)
}

// `#[cfg(test)]`
fn is_for_tests(tokens: &[TokenTree]) -> bool {
    is_punct(tokens.first(), '#')
        && matches!(tokens.get(1), Some(TokenTree::Group(group)) if group.stream().to_string().replace(' ', "") == "cfg(test)")
}

// `mod NAME`
fn inline(tokens: &[TokenTree]) -> Option<String> {
    match tokens {
        [TokenTree::Ident(word), TokenTree::Ident(name)] if *word == "mod" => {
            Some(name.to_string())
        }
        _ => None,
    }
}

// Behind `pub` or `pub(…)`.
fn visibility_end(tokens: &[TokenTree]) -> usize {
    let is_public = matches!(tokens.first(), Some(token) if is_word(token, "pub"));
    let is_scoped = is_public && matches!(tokens.get(1), Some(TokenTree::Group(_)));
    usize::from(is_public) + usize::from(is_scoped)
}

// Up to a `;`, or to the end of a block in braces.
fn item_end(tokens: &[TokenTree]) -> usize {
    let ends = |token: &TokenTree| match token {
        TokenTree::Punct(punct) => punct.as_char() == ';',
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        _ => false,
    };
    // The braces of a list in a use are no block.
    let is_use = tokens.iter().take(3).any(|token| is_word(token, "use"));
    let end = tokens.iter().position(|token| match token {
        TokenTree::Group(_) if is_use => false,
        other => ends(other),
    });
    end.map_or(tokens.len(), |end| end + 1)
}

// `a::b::{c, d}` as far as it goes.
fn path_end(tokens: &[TokenTree]) -> usize {
    let mut at = 1;
    while is_colons(&tokens[at..]) {
        match tokens.get(at + 2) {
            Some(TokenTree::Ident(_)) => at += 3,
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                return at + 3;
            }
            _ => return at + 2,
        }
    }
    at
}

fn is_colons(tokens: &[TokenTree]) -> bool {
    let joined = matches!(tokens.first(), Some(TokenTree::Punct(punct)) if punct.as_char() == ':' && punct.spacing() == Spacing::Joint);
    joined && is_punct(tokens.get(1), ':')
}

/// The paths of a use tree, each with the name that it gets and its line.
fn tree(tokens: &[TokenTree]) -> Vec<(Vec<String>, String, usize)> {
    let mut found = Vec::new();
    for part in
        tokens.split(|token| matches!(token, TokenTree::Punct(punct) if punct.as_char() == ','))
    {
        let mut path = Vec::new();
        let mut name = None;
        let mut line = None;
        let mut inner = Vec::new();
        let mut at = 0;
        while at < part.len() {
            match &part[at] {
                TokenTree::Ident(word) if *word == "as" && at > 0 => {
                    name = part.get(at + 1).map(ToString::to_string);
                    break;
                }
                TokenTree::Ident(word) => {
                    line.get_or_insert(word.span().start().line);
                    path.push(word.to_string());
                }
                TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                    inner = tree(&group.stream().into_iter().collect::<Vec<_>>());
                }
                TokenTree::Punct(punct) if punct.as_char() == '*' => path.push("*".to_owned()),
                _ => {}
            }
            at += 1;
        }
        if !inner.is_empty() {
            for (below, name, line) in inner {
                found.push(([&path[..], &below[..]].concat(), name, line));
            }
        } else if let (Some(last), Some(line)) = (path.last().cloned(), line) {
            if last == "self" && path.len() > 1 {
                path.pop();
            }
            let name = name.unwrap_or_else(|| path.last().cloned().unwrap_or_default());
            found.push((path, name, line));
        }
    }
    found
}
