//! What a policy file may hold. The comments here are the descriptions in the JSON Schema: they are written for policy authors.

use schemars::Schema;
use serde_json::json;

use super::decode::{List, Named, document};
use super::names::{
    ApiVersion, Authority, BasePath, Cluster, KeyId, ModelName, Name, Pattern, ProviderModel, UserName,
};
use super::period::Per;
use super::scalar::{Cap, Count, FirstByte, Flag, Hash, Moment, Percent, Timeout, Ttl, Usd, Version, Zone};
use crate::policy::{OnOutage, Reserve, StoreDialect};
use crate::providers::Api;
use crate::request::Endpoint;

document! {
    /// A Keyward policy file. A policy is one or many files in a folder; each may hold any of the sections. They merge; a
    /// name defined twice is an error.
    struct File = "a policy file" {
        required {}
        optional {
            /// The version of this format: 1. At least one file of a policy states it.
            version: Version,
            /// The IANA time zone in which days, weeks and months begin, like `Europe/Berlin`. Default: UTC. Stated once.
            timezone: Zone,
            /// How to speak to providers, by the name that Envoy endpoints have in their metadata
            /// (`filter_metadata.keyward.provider`).
            providers: Named<Name, Provider>,
            /// The catalog: the only model names that callers can use. A name with `*` is a wildcard entry; an exact name
            /// comes before a wildcard entry, and a more specific wildcard entry before a less specific one. `all` is taken.
            models: Named<ModelName, Model>,
            /// Named sets of rules and limits that levels can take over with `tier`.
            tiers: Named<Name, Tier>,
            /// What holds for everybody. Its limits are shared by all callers. Stated once.
            defaults: LevelWithTier,
            /// Organisations, above teams.
            orgs: Named<Name, LevelWithTier>,
            /// Teams: who pays.
            teams: Named<Name, Team>,
            /// Projects: what keys are for.
            projects: Named<Name, Project>,
            /// The persons and services that keys belong to.
            users: Named<UserName, LevelWithTier>,
            /// What holds for each single end user (the `user` of a request's body). Stated once. It is consulted once the
            /// body is read: `endpoints` and `max_request_bytes` have no effect here.
            end_users: LevelWithTier,
            /// The keys: who may call. `keyward key new` makes one and prints its entry.
            keys: List<Key>,
            /// Where limits are kept when several Envoys share them. Stated once.
            store: Store,
        }
    }
}

document! {
    /// A provider: how to speak to what Envoy endpoints of that name are.
    struct Provider = "a provider" {
        required {
            /// The wire format it speaks. `openai` is also right for everything compatible with it: vLLM, Ollama, Mistral, …
            api: Api,
        }
        optional {
            /// Which version of its API. For `azure_openai`: with it deployments are called, without it the v1 API.
            api_version: ApiVersion,
            /// What comes before every path, in the place of the API's own: `/openai/v1` for Groq, `/api/v1` for OpenRouter.
            base_path: BasePath,
            /// Tell this provider who calls, in `x-keyward-team`, `-project`, `-key-id` and `-user`. For providers that
            /// belong to you. Default: false.
            forward_identity: Flag,
        }
    }
}

document! {
    /// An entry of the catalog: either a model that is served (`cluster` and `targets`), or an `alias` of one.
    #[schemars(transform = served_or_alias)]
    struct Model = "a model" {
        required {}
        optional {
            /// The Envoy cluster that serves it, plain or aggregate. An aggregate cluster is the failover chain.
            cluster: Cluster,
            /// The provider's model for each provider the cluster can reach; the first is preferred.
            #[schemars(length(min = 1))]
            targets: List<Target>,
            /// Another catalog name, or a name that a wildcard entry matches: this entry is a second name for it. Not the
            /// name of another alias.
            alias: ModelName,
            /// The model access groups it is in. A group can be granted and denied like a model.
            groups: List<Name>,
            /// Most output tokens a request can ask for; also what a request that asks for nothing reserves.
            max_output_tokens: Cap,
            /// Drop parameters that the provider's API has no word for, instead of refusing the request. Default: false.
            ///
            drop_params: Flag,
            /// How long a provider may take to begin its answer before the next one is tried, 1ms to 1h. Default: as long as
            /// the Envoy route allows.
            timeout: FirstByte,
            /// Whether targets after the first also serve keys that may not use what they call by its own name in the
            /// catalog. Default: false.
            open_fallback: Flag,
        }
    }
}

/// A model is served or an alias, never both.
fn served_or_alias(schema: &mut Schema) {
    schema.insert(
        "oneOf".into(),
        json!([
            { "required": ["cluster", "targets"], "properties": { "alias": false } },
            { "required": ["alias"], "properties": { "cluster": false, "targets": false, "max_output_tokens": false, "drop_params": false, "timeout": false, "open_fallback": false } },
        ]),
    );
}

document! {
    /// The model of one provider behind a catalog name.
    struct Target = "a target" {
        required {
            /// The provider, as named in `providers`.
            provider: Name,
            /// The model as the provider calls it. In a wildcard entry, each `*` stands, from left to right, for what the `*`
            /// of the catalog name matched.
            model: ProviderModel,
        }
        optional {
            /// What the provider charges. Without it, requests cost nothing and no `usd` limit holds them.
            price: Price,
        }
    }
}

document! {
    /// What a provider charges, in US dollars per million tokens; `request` in dollars per request. At most 9 decimals.
    #[schemars(transform = input_or_request)]
    struct Price = "a price" {
        required {}
        optional {
            /// Input tokens. Needed unless `request` is stated.
            input: Usd,
            /// Input tokens read from the provider's cache. Default: as `input`.
            cached_input: Usd,
            /// Input tokens written to the provider's cache. Default: as `input`.
            cache_write: Usd,
            /// Input tokens written to a cache that keeps them for an hour. Default: as `cache_write`.
            cache_write_1h: Usd,
            /// Output tokens. Default: 0, as for embeddings.
            output: Usd,
            /// Reasoning tokens, a part of the output. Default: as `output`.
            reasoning: Usd,
            /// Dollars per request, for what is not counted in tokens, such as images.
            request: Usd,
        }
    }
}

fn input_or_request(schema: &mut Schema) {
    schema.insert("anyOf".into(), json!([{ "required": ["input"] }, { "required": ["request"] }]));
}

document! {
    /// What a level can state. A request must be allowed, and have room in the limits, at every level at once.
    struct Level = "a level" {
        required {}
        optional {
            /// The models granted: catalog names, groups, globs (`*` is any run of characters) or `all`. Left out: this level
            /// does not narrow them. `[]`: none.
            models: List<Pattern>,
            /// The models denied, written as in `models`. Deny wins, at every level.
            deny: List<Pattern>,
            /// The endpoints granted. Left out: this level does not narrow them. `[]`: none.
            endpoints: List<Endpoint>,
            /// The limits.
            limits: List<Limit>,
            /// The largest request body accepted, in bytes.
            max_request_bytes: Cap,
            /// Most output tokens a request may ask for.
            max_output_tokens: Cap,
            /// How much a request takes from the limits before its cost is known. Default: `full`.
            reserve: Reserve,
            /// Percentages of each `usd` limit at which to alert. Default: `[80, 100]`.
            alerts: List<Percent>,
        }
    }
}

document! {
    /// A tier: what levels that name it take over. A tier takes over no other.
    struct Tier = "a tier" {
        required {}
        optional {}
        flatten { level: Level }
    }
}

document! {
    /// A level that may take over a tier.
    struct LevelWithTier = "a level" {
        required {}
        optional {
            /// The tier whose rules and limits hold here too; this level has counters of its own for them.
            tier: Name,
        }
        flatten { level: Level }
    }
}

document! {
    /// A team.
    struct Team = "a team" {
        required {}
        optional {
            /// The organisation it belongs to. If `orgs` has entries, one of them.
            org: Name,
            /// The tier whose rules and limits hold here too; this level has counters of its own for them.
            tier: Name,
        }
        flatten { level: Level }
    }
}

document! {
    /// A project.
    struct Project = "a project" {
        required {}
        optional {
            /// The team it belongs to; its keys then belong to that team too.
            team: Name,
            /// The tier whose rules and limits hold here too; this level has counters of its own for them.
            tier: Name,
        }
        flatten { level: Level }
    }
}

document! {
    /// A limit: one of the amounts, `per` a period. A limit of 0 admits nothing.
    #[schemars(transform = one_amount)]
    struct Limit = "a limit" {
        required {}
        optional {
            /// Most requests in a period.
            requests: Count,
            /// Most input and output tokens together in a period.
            tokens: Count,
            /// Most input tokens in a period, cached ones included.
            input_tokens: Count,
            /// Most output tokens in a period, reasoning included.
            output_tokens: Count,
            /// Most US dollars in a period.
            usd: Usd,
            /// Most requests at the same time. Has no `per`.
            concurrency: Count,
            /// The period: `minute`, `hour`, `day`, `week`, `month`, or a number with `s`, `m`, `h`, `d` or `w`. Below a day the
            /// limit holds in every window of that length; from a day on in calendar windows of the policy's time zone.
            per: Per,
            /// Only requests for these models count and are held to it: a catalog name, a group, a glob or `all`. Default: all.
            model: Pattern,
        }
    }
}

/// Exactly one amount; a period for all of them but `concurrency`.
fn one_amount(schema: &mut Schema) {
    let rates = ["requests", "tokens", "input_tokens", "output_tokens", "usd"];
    let mut forms: Vec<_> = rates.iter().map(|amount| json!({ "required": [amount, "per"] })).collect();
    forms.push(json!({ "required": ["concurrency"], "properties": { "per": false } }));
    schema.insert("oneOf".into(), forms.into());
}

document! {
    /// A key: whose it is and what it narrows.
    struct Key = "a key" {
        required {
            /// Its name in audit records and messages; unique. Not the key itself.
            id: KeyId,
            /// `sha256:` and the base64 of the SHA-256 of the key. The key itself is never stored.
            hash: Hash,
        }
        optional {
            /// The team that pays, as named in `teams`. Default: the team of the project.
            team: Name,
            /// The project it is for. If `projects` has entries, one of them.
            project: Name,
            /// The person or service it belongs to.
            user: UserName,
            /// The environment it is for, such as `prod`. A bundle for another environment leaves it out.
            environment: Name,
            /// The tier whose rules and limits hold here too; this level has counters of its own for them.
            tier: Name,
            /// The moment from which on it is valid: RFC 3339, or a date for its beginning in UTC.
            not_before: Moment,
            /// The moment from which on it is no longer valid: RFC 3339, or a date for its beginning in UTC.
            expires: Moment,
            /// Switched off. Default: false.
            disabled: Flag,
        }
        flatten { level: Level }
    }
}

document! {
    /// Redis, reached over HTTP through an Envoy cluster.
    struct Store = "the store" {
        required {
            /// The Envoy cluster.
            cluster: Cluster,
        }
        optional {
            /// How it is spoken to. Default: `webdis`.
            dialect: StoreDialect,
            /// How long a request may wait for it, 10ms to 5s. Default: 50ms.
            timeout: Timeout,
            /// What happens while it is out of reach. Default: `deny`.
            on_outage: OnOutage,
            /// The host asked for, such as `example.upstash.io`. Default: the name of the cluster.
            authority: Authority,
            /// Look up keys in it too that the policy does not have.
            keys: StoreKeys,
        }
    }
}

document! {
    /// Keys that are looked up in the store.
    struct StoreKeys = "the keys of the store" {
        required {}
        optional {
            /// How long what was found holds, 1s to 1h. Default: 30s.
            ttl: Ttl,
        }
    }
}
