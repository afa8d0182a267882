use std::collections::HashMap;

use super::{Key, Level, LevelKind};

/// The levels of a policy by name: for keys that do not come with it, and so cannot know their indices.
#[derive(Debug, Default)]
pub struct LevelNames(HashMap<LevelKind, HashMap<String, u32>>);

impl LevelNames {
    /// Of these levels.
    #[must_use]
    pub fn new(levels: &[Level]) -> Self {
        let mut names: HashMap<_, HashMap<_, _>> = HashMap::new();
        for (level, index) in levels.iter().zip(0..) {
            names.entry(level.kind).or_default().insert(level.name.clone(), index);
        }
        Self(names)
    }

    /// Puts a key under its levels, as it would be were it one of the policy's: its team has to be defined, its org and project
    /// too where any is. `None` where they are not: a key must not outlive the limits it was meant to have.
    #[must_use]
    pub fn place(&self, key: &Key) -> Option<Key> {
        let find = |kind: LevelKind, name: &str| self.0.get(&kind)?.get(name).copied();
        let mut levels: Vec<u32> = find(LevelKind::Global, "").into_iter().collect();
        let named = [
            (LevelKind::Org, &key.org),
            (LevelKind::Team, &key.team),
            (LevelKind::Project, &key.project),
            (LevelKind::User, &key.user),
        ];
        for (kind, name) in named {
            let Some(name) = name else { continue };
            let needed = match kind {
                LevelKind::Team => true,
                LevelKind::User => false,
                _ => self.0.contains_key(&kind),
            };
            match find(kind, name) {
                Some(index) => levels.push(index),
                None if needed => return None,
                None => {}
            }
        }
        Some(Key { levels, ..key.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Reserve;

    fn level(kind: LevelKind, name: &str) -> Level {
        Level {
            kind,
            name: name.into(),
            rules: vec![],
            limits: vec![],
            max_request_bytes: None,
            max_output_tokens: None,
            reserve: Reserve::Full,
            alerts: vec![],
        }
    }

    fn placed(levels: &[(LevelKind, &str)]) -> Option<Vec<u32>> {
        let levels: Vec<Level> = levels.iter().map(|(kind, name)| level(*kind, name)).collect();
        let key = Key {
            id: "k".into(),
            org: Some("acme".into()),
            team: Some("marketing".into()),
            project: Some("ads".into()),
            user: Some("ann".into()),
            environment: None,
            levels: vec![],
            own: level(LevelKind::Key, "k"),
            not_before: None,
            expires: None,
            disabled: false,
        };
        LevelNames::new(&levels).place(&key).map(|key| key.levels)
    }

    #[test]
    fn a_key_stands_under_all_levels_of_its_names_widest_first() {
        use LevelKind::{Global, Org, Project, Team, User};
        let other = (Team, "ads");
        let team = (Team, "marketing");
        assert_eq!(placed(&[team, other]), Some(vec![0]), "what is defined nowhere is a mere label");
        assert_eq!(
            placed(&[(User, "ann"), (Project, "ads"), other, team, (Org, "acme"), (Global, "")]),
            Some(vec![5, 4, 3, 1, 0])
        );
        assert_eq!(placed(&[team, (User, "bob")]), Some(vec![0]));
        assert_eq!(placed(&[other]), None, "its team is gone");
        assert_eq!(placed(&[team, (Project, "others")]), None, "its project is gone");
        assert_eq!(placed(&[team, (Org, "others")]), None, "its org is gone");
    }
}
