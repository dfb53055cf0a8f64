//! Reads the C header as far as its own rules need it.

/// A function of the header.
pub struct Declaration {
    /// The comment before it; empty if there is none.
    pub doc: String,
    pub text: String,
    pub name: String,
}

/// The functions between `extern "C" {` and its end.
pub fn declarations(header: &str) -> Vec<Declaration> {
    let (_, rest) = header.split_once("extern \"C\" {\n#endif").expect("the header serves C++");
    let (_, rest) = rest.split_once('\n').expect("the guard is a line");
    let (functions, _) = rest.split_once("#ifdef __cplusplus").expect("and closes its brace");

    let mut found = Vec::new();
    let mut rest = functions.trim_start();
    while !rest.is_empty() {
        let (doc, after) = match rest.strip_prefix("/**") {
            Some(comment) => comment.split_once("*/").expect("a comment ends"),
            None => ("", rest),
        };
        let (text, after) = after.split_once(';').expect("a declaration ends with a semicolon");
        let head = text.split('(').next().expect("split gives at least one piece");
        let name = head.rsplit([' ', '*']).next().expect("the same");
        found.push(Declaration {
            doc: doc.trim().to_owned(),
            text: text.trim().to_owned(),
            name: name.to_owned(),
        });
        rest = after.trim_start();
    }
    found
}

/// The constants of the header and their numbers, as `NAME = number`.
pub fn constants(header: &str) -> Vec<String> {
    header
        .lines()
        .map(str::trim)
        .filter(|line| line.starts_with("IFETCH_") && line.contains(" = "))
        .map(|line| line.trim_end_matches(',').to_owned())
        .collect()
}
