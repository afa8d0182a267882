//! What may stand in the files, and what is told of what may not.

use super::*;

#[test]
fn every_problem_is_reported_in_one_go() {
    let text = "
version: 2
providers: { p: { api: grok } }
models: { m: { cluster: 'a b', targets: [{ provider: q, model: x, price: { input: -1, outptu: 1 } }] } }
teams: { 't/t': {}, u: { tier: none, limits: [{ requests: -1, per: fortnight }, { tokens: 1 }] } }
keys: [{ hash: x }, { id: a }, 7]
nonsense: 1
";
    assert_eq!(messages(text).len(), 16, "{:#?}", messages(text));
}

#[test]
fn only_yaml_files_directly_in_a_folder_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("a.yaml", "version: 1");
    write("b.yml", "teams: { b: { models: [] } }");
    write("notes.txt", "{");
    write(".hidden.yaml", "{");
    std::fs::create_dir(folder.path().join("tests")).unwrap();
    write("tests/c.yaml", "{");
    assert_eq!(load(folder.path(), None).unwrap().policy.levels.len(), 1);
}

#[test]
fn what_cannot_be_read_is_told_and_nothing_is_concluded_from_its_absence() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.yaml");
    std::fs::write(&file, "teams: {}").unwrap();
    let gone = folder.path().join("gone.yaml");
    let found = load_all(&[file, gone.clone()], None).unwrap_err();
    assert_eq!(found.iter().map(|finding| &finding.file).collect::<Vec<_>>(), [&gone], "{found:?}");
    assert!(load_all(&[], None).is_err());
}

#[test]
fn each_file_may_state_the_version_and_a_file_may_hold_several_documents_or_none() {
    let texts = [
        "\u{feff}version: 1\r\n",
        "version: 1\n---\nteams: { a: { models: [] } }\n---\nteams: { b: { models: [] } }",
        "# none\n",
        "",
    ];
    assert_eq!(load_texts(&texts, None).unwrap().policy.levels.len(), 2);
}

#[test]
fn an_anchor_stands_for_its_value_and_aliases_cannot_grow_without_bound() {
    let text = format!("{CATALOG}\nteams: {{ a: &a {{ models: [big] }}, b: *a }}");
    assert_eq!(policy(&text).levels.len(), 2);
    let mut bomb = "version: 1\nx0: &x0 [a, a, a, a, a, a, a, a, a, a]\n".to_owned();
    for level in 1..12 {
        let below = level - 1;
        bomb += &format!("x{level}: &x{level} [{}]\n", vec![format!("*x{below}"); 10].join(", "));
    }
    assert!(messages(&bomb).contains(&"aliases stand for too much".to_owned()));
    assert!(
        messages("version: 1\nteams: &t { a: *t }")[0].contains("alias"),
        "{:?}",
        messages("version: 1\nteams: &t { a: *t }")
    );
}

#[test]
fn depth_is_bounded() {
    let deep =
        [&"[".repeat(100_000), &"{a: ".repeat(50_000), &"- ".repeat(50_000), &"[".repeat(30), &"? ".repeat(50_000)];
    for text in deep {
        let found = messages(text);
        assert!(found.len() == 1 && (found[0] == "nested too deeply" || found[0].contains("recursion")), "{found:?}");
    }
}

/// Text that often enough is a policy with a fault.
fn faulty() -> impl Strategy<Value = String> {
    let base = std::fs::read_to_string(root().join("policies/models.yaml")).unwrap()
        + &std::fs::read_to_string(root().join("policies/search.yaml")).unwrap();
    let length = base.len();
    (0..length, 0..40_usize, "[ -~\n\t*&\\[\\]{}:,'\"é\u{85}\u{2028}\u{0}]{0,8}").prop_map(
        move |(start, cut, insert)| {
            let end = (start + cut).min(length);
            format!(
                "{}{insert}{}",
                String::from_utf8_lossy(&base.as_bytes()[..start]),
                String::from_utf8_lossy(&base.as_bytes()[end..])
            )
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_the_loader_panic(text in prop_oneof![".*", faulty(), "[\\[\\]{}:,&*a \n!|>'\"#%@?-]{0,60}"]) {
        let _ = load_texts(&[&text], Some("dev"));
    }

    #[test]
    fn no_key_is_ever_repeated(field in "hash|id|key|team|expires|limits|models|tier|environment|disabled", raw in "sk-[a-zA-Z0-9]{24,40}") {
        for text in [format!("keys: [{{ {field}: {raw} }}]"), format!("keys: [{{ {raw}: x }}]"), format!("keys: {raw}"), format!("{raw}: 1"), format!("keys: [{{ hash: sha256:{raw} }}]"), format!("keys: [{{ hash: *{raw} }}]"), format!("keys: [{{ hash: !{raw} x }}]"), format!("keys: [{{ hash: \"{raw} }}]"), format!("keys: [{{ hash: {raw}: [ }}]"), format!("teams: {{ {raw}: {{}}, {raw}: {{}} }}")] {
            for finding in load_texts(&[&text], None).unwrap_err() {
                let shown = format!("{finding} {finding:?}");
                prop_assert!(!shown.contains(&raw), "{shown}");
            }
        }
    }
}
