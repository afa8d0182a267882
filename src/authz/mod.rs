//! TODO-station authz
