//! What the documents show has to work: policies load, fields of policies are explained, links lead somewhere.
#![cfg(feature = "cli")]
#![expect(clippy::expect_used, reason = "a helper of a test fails as the test does")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use keyward::policy::file;
use serde_json::Value;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).expect("a document that can be read")
}

/// The README and the documents directly in `docs/`, by path.
fn documents() -> Vec<(PathBuf, String)> {
    let docs = fs::read_dir(root().join("docs")).expect("the folder of documents");
    let docs = docs.map(|entry| entry.expect("a document").path());
    let mut paths: Vec<PathBuf> = docs.filter(|path| path.extension().is_some_and(|it| it == "md")).collect();
    paths.push(root().join("README.md"));
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), read(&path))).collect()
}

/// The fenced `yaml` blocks that are whole policies, each with the line its fence is on.
fn policies(text: &str) -> Vec<(usize, String)> {
    let mut found = vec![];
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        if line == "```yaml" {
            let block: Vec<&str> = lines.by_ref().map(|(_, line)| line).take_while(|line| *line != "```").collect();
            if block.first().is_some_and(|first| first.starts_with("version: 1")) {
                found.push((number + 1, format!("{}\n", block.join("\n"))));
            }
        }
    }
    found
}

#[test]
fn every_policy_shown_loads_without_a_finding() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut shown_in = BTreeSet::new();
    for (path, text) in documents() {
        for (line, policy) in policies(&text) {
            let file = folder.path().join("policy.yaml");
            fs::write(&file, policy).expect("the folder can be written to");
            let place = format!("{}:{line}", path.display());
            let findings = file::load(&file, None).map_or_else(|errors| errors, |loaded| loaded.warnings);
            let findings: Vec<String> = findings.iter().map(ToString::to_string).collect();
            assert!(findings.is_empty(), "{place}: {}", findings.join("\n"));
            shown_in.insert(path.file_name().map(ToOwned::to_owned));
        }
    }
    for name in ["README.md", "policy.md"] {
        assert!(shown_in.contains(&Some(name.into())), "{name} shows no policy any more");
    }
}

/// The names of all fields a schema has anywhere.
fn fields(schema: &Value, names: &mut BTreeSet<String>) {
    match schema {
        Value::Object(members) => {
            if let Some(Value::Object(properties)) = members.get("properties") {
                names.extend(properties.keys().cloned());
            }
            members.values().for_each(|member| fields(member, names));
        }
        Value::Array(items) => items.iter().for_each(|item| fields(item, names)),
        _ => {}
    }
}

#[test]
fn every_field_of_a_policy_is_explained() {
    let mut names = BTreeSet::new();
    fields(&serde_json::to_value(file::schema()).expect("the schema is JSON"), &mut names);
    assert!(names.len() > 40, "the schema is read wrongly: {names:?}");
    let text = read(&root().join("docs/policy.md"));
    let missing: Vec<&String> = names.iter().filter(|name| !text.contains(&format!("`{name}`"))).collect();
    assert!(missing.is_empty(), "docs/policy.md does not explain {missing:?}");
}

#[test]
fn every_link_leads_to_a_file_and_a_heading() {
    let anchor = |heading: &str| -> String {
        let kept = heading.to_lowercase().replace(' ', "-");
        kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_')).collect()
    };
    for (path, text) in documents() {
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.contains("://") {
                continue;
            }
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { path.clone() } else { path.with_file_name("").join(file) };
            assert!(target.exists(), "{}: no file `{link}`", path.display());
            let found = || {
                read(&target)
                    .lines()
                    .any(|line| line.starts_with('#') && anchor(line.trim_start_matches(['#', ' '])) == heading)
            };
            assert!(heading.is_empty() || found(), "{}: no heading `{link}`", path.display());
        }
    }
}

/// The commands of `program` in indented lines and fenced blocks, as words up to what a shell takes for itself.
fn commands(text: &str, program: &str) -> Vec<Vec<String>> {
    let mut fenced = false;
    let mut found = vec![];
    for line in text.lines() {
        fenced ^= line.starts_with("```");
        if fenced || line.starts_with("    ") {
            let plain = line.split(" #").next().unwrap_or_default();
            for part in plain.split(['|', '>', ';']).flat_map(|part| part.split("&&")) {
                let words: Vec<String> = part.split_whitespace().map(str::to_owned).collect();
                if words.first().is_some_and(|word| word == program) {
                    found.push(words);
                }
            }
        }
    }
    found
}

#[test]
fn every_command_shown_is_there_with_its_options() {
    let mut shown = BTreeSet::new();
    for (path, text) in documents() {
        for words in commands(&text, "keyward") {
            let names: Vec<&String> = words
                .iter()
                .skip(1)
                .take_while(|word| word.chars().all(|c| c.is_ascii_lowercase()))
                .take(if matches!(words.get(1).map(String::as_str), Some("store" | "key")) { 2 } else { 1 })
                .collect();
            let mut asked = Command::new(env!("CARGO_BIN_EXE_keyward"));
            let output = asked.args(&names).arg("--help").output().expect("the command runs");
            assert!(output.status.success(), "{}: no `{}`", path.display(), words.join(" "));
            let help = String::from_utf8_lossy(&output.stdout);
            for option in words.iter().filter(|word| word.starts_with('-')) {
                let known = help.split([' ', ',', '\n']).any(|word| word == option);
                assert!(known, "{}: no `{option}` in `{}`", path.display(), words.join(" "));
            }
            shown.extend(names.into_iter().cloned());
        }
        for words in commands(&text, "bash") {
            let script = words.get(1).expect("a script");
            assert!(root().join(script).exists(), "{}: no `{script}`", path.display());
        }
    }
    for name in ["bundle", "check", "init", "status", "usage"] {
        assert!(shown.contains(name), "no document shows `{name}` any more: {shown:?}");
    }
}
