"""Reading a cluster: get and list only, as raw JSON, with the official client. The one module that imports it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from dra_policy import Diagnostic, InvalidInput
from dra_policy_kubernetes.cluster_objects import DEFAULT_NAMESPACE, ClusterObjects, collect
from dra_policy_kubernetes.dumps import without_noise, write_dump
from dra_policy_kubernetes.server import GATES, Server, source_of

GROUP: Final = "resource.k8s.io"
PAGE: Final = 500
SECONDS: Final = (10, 120)
"""How long to wait for a connection, and for an answer."""

# What is read, with the versions that can be decoded, best first. Not every server has taint rules.
_CORE: Final = {"nodes": "Node", "pods": "Pod"}
_DEVICES: Final = {
    "deviceclasses": "DeviceClass",
    "resourceslices": "ResourceSlice",
    "resourceclaims": "ResourceClaim",
    "resourceclaimtemplates": "ResourceClaimTemplate",
    "devicetaintrules": "DeviceTaintRule",
}
_VERSIONS: Final = ("v1", "v1beta2", "v1beta1", "v1alpha3")
_OPTIONAL: Final = "devicetaintrules"
_GATE: Final = re.compile(r'^kubernetes_feature_enabled\{name="(\w+)"[^}]*\} ([01])\s*$', re.MULTILINE)
_SERVICE_ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


@dataclass(frozen=True, slots=True)
class Connection:
    """A client of one cluster; `namespace` is that of its context."""

    client: Any
    namespace: str
    name: str


class _Refused(Exception):
    """The server's answer is not 200."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def connect(context: str | None = None, kubeconfig: str | None = None) -> Connection:
    """A client for a context of the kubeconfig, or for the cluster that this runs in.

    Raises `InvalidInput`: CLU001 (no such context, no kubeconfig), CLU004 (the client is not installed).
    """
    try:
        config: Any = import_module("kubernetes.config")
        client: Any = import_module("kubernetes.client")
    except ImportError:
        hint = "pip install 'dra-policy[kubernetes]', or read a dump with --from"
        raise InvalidInput([Diagnostic("CLU004", "the client for Kubernetes is not installed", help=hint)]) from None
    try:
        if context is None and kubeconfig is None and _in_a_pod():
            configuration = client.Configuration()
            config.load_incluster_config(configuration)
            namespace = _SERVICE_ACCOUNT.read_text(encoding="utf-8").strip() if _SERVICE_ACCOUNT.exists() else ""
            return Connection(client.ApiClient(configuration), namespace or DEFAULT_NAMESPACE, "this cluster")
        # The client itself looks at KUBECONFIG once, when it is imported.
        kubeconfig = kubeconfig or os.environ.get("KUBECONFIG") or None
        contexts, active = config.list_kube_config_contexts(kubeconfig)
        if context is not None:
            active = next((one for one in contexts if one["name"] == context), None)
            if active is None:
                known = ", ".join(one["name"] for one in contexts) or "none"
                raise _unreachable(f"the kubeconfig has no context `{context}`", f"there are {known}")
        api = config.new_client_from_config(kubeconfig, context=context, persist_config=False)
    except config.ConfigException as problem:
        raise _unreachable(
            f"no cluster to connect to: {_first_line(problem)}",
            "set KUBECONFIG, name a --context, or read a dump with --from",
        ) from None
    return Connection(api, active["context"].get("namespace") or DEFAULT_NAMESPACE, active["name"])


def _in_a_pod() -> bool:
    home = Path(os.environ.get("KUBECONFIG") or Path.home() / ".kube" / "config")
    return "KUBERNETES_SERVICE_HOST" in os.environ and "KUBECONFIG" not in os.environ and not home.exists()


def read_cluster(connection: Connection) -> ClusterObjects:
    """The objects of the cluster at this moment. Raises `InvalidInput`: CLU001 to CLU003."""
    server = server_of(connection)
    return collect(objects_of(connection), server)


def dump(connection: Connection) -> str:
    """The same objects as a file for `read_dump`."""
    server = server_of(connection)
    return write_dump((without_noise(one) for one in objects_of(connection)), server)


def server_of(connection: Connection) -> Server:
    """Version and feature gates; gates only if the server's metrics may be read. Raises `InvalidInput`: CLU001."""
    try:
        version = str(_get(connection, "/version").get("gitVersion", ""))
    except _Refused as refused:
        raise _unreachable(f"{connection.name} does not say its version: {refused.message}") from None
    try:
        metrics = _text(connection, "/metrics")
    except (_Refused, InvalidInput):
        return Server(version, source=source_of(version))
    gates = {name: on == "1" for name, on in _GATE.findall(metrics) if name in GATES}
    return Server(version, gates, gates_read=bool(gates), source=source_of(version))


def objects_of(connection: Connection) -> list[dict[str, Any]]:
    """All objects that an answer may depend on, as the server gives them.

    Every right that is missing is told at once. Raises `InvalidInput`: CLU001 to CLU003.
    """
    paths = {plural: f"/api/v1/{plural}" for plural in _CORE} | _device_paths(connection)
    kinds = _CORE | _DEVICES
    found: list[dict[str, Any]] = []
    missing: list[Diagnostic] = []
    for plural, path in paths.items():
        resource = plural if plural in _CORE else f"{plural}.{GROUP}"
        try:
            found += _listed(connection, path, kinds[plural])
        except _Refused as refused:
            if refused.status == 403:
                missing.append(_right(resource, refused.message))
            else:
                raise _unreachable(f"{connection.name} does not list {resource}: {refused.message}") from None
    if missing:
        raise InvalidInput(missing)
    return found


def _device_paths(connection: Connection) -> dict[str, str]:
    """For each kind the best version that the server has."""
    found: dict[str, str] = {}
    try:
        served = [str(one.get("version")) for one in _get(connection, f"/apis/{GROUP}").get("versions") or []]
    except _Refused as refused:
        if refused.status == 404:
            served = []
        else:
            raise _unreachable(f"{connection.name} does not say what it serves: {refused.message}") from None
    for version in _VERSIONS:
        if version not in served:
            continue
        path = f"/apis/{GROUP}/{version}"
        for one in _get(connection, path).get("resources") or []:
            if one.get("name") in _DEVICES:
                found.setdefault(one["name"], f"{path}/{one['name']}")
    lacking = [plural for plural in _DEVICES if plural not in found and plural != _OPTIONAL]
    if lacking:
        message = f"{connection.name} does not serve {lacking[0]}.{GROUP}"
        hint = "device allocation is on by default from Kubernetes 1.34"
        raise InvalidInput([Diagnostic("CLU003", message, help=hint)])
    return found


def _listed(connection: Connection, path: str, kind: str) -> Iterator[dict[str, Any]]:
    """The entries of all pages, each with its type. A list that expires between two pages is read anew, whole."""
    following = ""
    entries: list[dict[str, Any]] = []
    page: Mapping[str, Any] = {}
    while True:
        query = {"limit": str(PAGE)} | ({"continue": following} if following else {})
        try:
            page = _get(connection, path, query)
        except _Refused as refused:
            if refused.status != 410:
                raise
            page = _get(connection, path)
            entries = []
        entries += page.get("items") or []
        following = str((page.get("metadata") or {}).get("continue") or "")
        if not following:
            break
    for entry in entries:
        yield {"apiVersion": page.get("apiVersion"), "kind": kind} | entry


def _get(connection: Connection, path: str, query: Mapping[str, str] | None = None) -> dict[str, Any]:
    text = _text(connection, path, query)
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise _Refused(200, f"{path} is not JSON")
    return value


def _text(connection: Connection, path: str, query: Mapping[str, str] | None = None) -> str:
    """The body of an answer. Raises `_Refused` for another status than 200, `InvalidInput` (CLU001) for none."""
    client = connection.client
    http: Any = import_module("urllib3.exceptions")
    api: Any = import_module("kubernetes.client.exceptions")
    request = client.param_serialize(
        "GET",
        path,
        query_params=list((query or {}).items()),
        header_params={"Accept": "*/*" if path == "/metrics" else "application/json"},
        auth_settings=["BearerToken"],
    )
    try:
        response = client.call_api(*request, _request_timeout=SECONDS)
        body = response.read()
    except (http.HTTPError, api.OpenApiException, OSError) as problem:
        raise _unreachable(f"{connection.name} does not answer: {_first_line(problem)}") from None
    text: str = body.decode("utf-8", "replace")
    if response.status != 200:
        raise _Refused(response.status, _message(text) or str(response.reason))
    return text


def _message(text: str) -> str:
    try:
        value = json.loads(text)
    except ValueError:
        return _first_line(text)
    return str(value.get("message", "")) if isinstance(value, dict) else ""


def _first_line(text: object) -> str:
    lines = str(text).strip().splitlines()
    return lines[0][:300] if lines else type(text).__name__


def _right(resource: str, message: str) -> Diagnostic:
    hint = (
        "bind a ClusterRole with get, list and watch: kubectl create clusterrole dra-policy-reader "
        f"--verb=get,list,watch --resource={','.join((*_CORE, *(f'{plural}.{GROUP}' for plural in _DEVICES)))}"
    )
    return Diagnostic("CLU002", f"no right to list {resource}: {message}", help=hint)


def _unreachable(message: str, hint: str = "look whether `kubectl version` works with this context") -> InvalidInput:
    return InvalidInput([Diagnostic("CLU001", message, help=hint)])


__all__ = ["Connection", "connect", "dump", "objects_of", "read_cluster", "server_of"]
