//! The forms in which Envoy, Istio and Envoy Gateway take the filter with its policy.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// What a bundle is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// A file that Envoy watches (extension config discovery)
    Ecds,
    /// An `EnvoyFilter` for Istio's gateways
    Istio,
    /// An `EnvoyPatchPolicy` for Envoy Gateway
    EnvoyGateway,
}

/// The filter to deliver.
#[derive(Debug, Clone, Copy)]
pub struct Filter<'a> {
    /// Its name in Envoy's configuration.
    pub name: &'a str,
    /// Where Envoy finds the module.
    pub wasm: &'a str,
    /// The encoded policy.
    pub bundle: &'a [u8],
    /// The policy's version.
    pub version: &'a str,
}

/// The filter in one of the forms, as JSON (which is YAML too). `listener` is for Envoy Gateway.
pub fn render(format: Format, filter: &Filter<'_>, listener: &str) -> Value {
    match format {
        Format::Ecds => ecds(filter),
        Format::Istio => istio(filter),
        Format::EnvoyGateway => envoy_gateway(filter, listener),
    }
}

fn ecds(filter: &Filter<'_>) -> Value {
    json!({
        "version_info": filter.version,
        "resources": [{
            "@type": "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
            "name": filter.name,
            "typed_config": typed_config(filter),
        }],
    })
}

/// An `EnvoyFilter`, because a `WasmPlugin` cannot set `allow_on_headers_stop_iteration`.
fn istio(filter: &Filter<'_>) -> Value {
    json!({
        "apiVersion": "networking.istio.io/v1alpha3",
        "kind": "EnvoyFilter",
        "metadata": metadata(filter),
        "spec": { "configPatches": [{
            "applyTo": "HTTP_FILTER",
            "match": {
                "context": "GATEWAY",
                "listener": { "filterChain": { "filter": {
                    "name": "envoy.filters.network.http_connection_manager",
                    "subFilter": { "name": "envoy.filters.http.router" },
                } } },
            },
            "patch": { "operation": "INSERT_BEFORE", "value": http_filter(filter) },
        }] },
    })
}

fn envoy_gateway(filter: &Filter<'_>, listener: &str) -> Value {
    let mut parts = listener.split('/');
    let (namespace, gateway) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let mut metadata = metadata(filter);
    if let Some(fields) = metadata.as_object_mut() {
        fields.insert("namespace".into(), namespace.into());
    }
    json!({
        "apiVersion": "gateway.envoyproxy.io/v1alpha1",
        "kind": "EnvoyPatchPolicy",
        "metadata": metadata,
        "spec": {
            "targetRef": { "group": "gateway.networking.k8s.io", "kind": "Gateway", "name": gateway },
            "type": "JSONPatch",
            "jsonPatches": [{
                "type": "type.googleapis.com/envoy.config.listener.v3.Listener",
                "name": listener,
                "operation": {
                    "op": "add",
                    "path": "/default_filter_chain/filters/0/typed_config/http_filters/0",
                    "value": http_filter(filter),
                },
            }],
        },
    })
}

/// Kubernetes metadata; the version is in an annotation, where `kubectl` shows it.
fn metadata(filter: &Filter<'_>) -> Value {
    json!({ "name": format!("keyward-{}", filter.name), "annotations": { "keyward/policy-version": filter.version } })
}

fn http_filter(filter: &Filter<'_>) -> Value {
    json!({ "name": filter.name, "typed_config": typed_config(filter) })
}

fn typed_config(filter: &Filter<'_>) -> Value {
    json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
        "config": {
            "name": "keyward.gate",
            "root_id": "gate",
            // The filter answers only when it has seen the body; without this the headers would leave before.
            "allow_on_headers_stop_iteration": true,
            "failure_policy": "FAIL_RELOAD",
            "vm_config": {
                // Shared data, and with it every counter, belongs to this name.
                "vm_id": "keyward",
                "runtime": "envoy.wasm.runtime.v8",
                "code": { "local": { "filename": filter.wasm } },
            },
            "configuration": {
                "@type": "type.googleapis.com/google.protobuf.BytesValue",
                "value": STANDARD.encode(filter.bundle),
            },
        },
    })
}
