//! The JSON Schema of policy files, generated from the document types.

use schemars::generate::SchemaSettings;

use super::document::File;

/// JSON Schema (draft 2020-12) of one policy file, for editors and for people.
#[must_use]
pub fn schema() -> serde_json::Value {
    let mut schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<File>();
    schema.insert("title".into(), "Keyward policy file".into());
    schema.to_value()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_in_the_docs_is_the_one_of_the_types() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/policy.schema.json");
        let current = format!("{:#}\n", schema());
        if std::env::var_os("UPDATE_GOLDENS").is_some() {
            std::fs::create_dir_all(concat!(env!("CARGO_MANIFEST_DIR"), "/docs")).unwrap();
            std::fs::write(path, &current).unwrap();
        }
        let stored = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            stored == current,
            "docs/policy.schema.json is stale: run `UPDATE_GOLDENS=1 cargo test --lib policy::file`"
        );
    }

    #[test]
    fn no_object_takes_unknown_fields() {
        fn walk(value: &serde_json::Value, path: &str) {
            if let Some(object) = value.as_object() {
                if object.get("properties").is_some() && object.get("type").is_some() {
                    assert_eq!(object.get("additionalProperties"), Some(&false.into()), "{path}");
                }
                object.iter().for_each(|(name, inner)| walk(inner, &format!("{path}/{name}")));
            }
        }
        walk(&schema(), "");
    }
}
