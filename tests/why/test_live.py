"""Reading a cluster through the official client, from a server that speaks as an API server does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from dra_policy import InvalidInput
from dra_policy.source import Source
from dra_policy_kubernetes.cluster_objects import PodKey
from dra_policy_kubernetes.dumps import read_dump
from dra_policy_kubernetes.pod_questions import why_pod
from dra_policy_kubernetes.rendering import as_text

pytest.importorskip(
    "kubernetes", reason="the extra `kubernetes` is not installed: pip install 'dra-policy[kubernetes]'"
)

from dra_policy_kubernetes import live

Json = dict[str, Any]
Builder = Callable[..., Json]
PLURALS = {
    "Node": "nodes",
    "Pod": "pods",
    "DeviceClass": "deviceclasses",
    "ResourceSlice": "resourceslices",
    "ResourceClaim": "resourceclaims",
    "ResourceClaimTemplate": "resourceclaimtemplates",
    "DeviceTaintRule": "devicetaintrules",
}


class Server:
    """Lists of objects in pages, discovery, version, metrics; `forbidden` paths answer 403, `status` others."""

    def __init__(self) -> None:
        self.objects: list[Json] = []
        self.versions = ["v1", "v1beta2", "v1beta1"]
        self.git_version = "v1.37.2"
        self.metrics = ""
        self.forbidden: set[str] = set()
        self.expire_once = False
        self.asked: list[str] = []
        self.methods: set[str] = set()

    def answer(self, path: str) -> tuple[int, Any]:
        split = urlsplit(path)
        query = {k: v[0] for k, v in parse_qs(split.query).items()}
        self.asked.append(split.path)
        plural = split.path.rpartition("/")[2]
        if plural in self.forbidden:
            return 403, {"kind": "Status", "message": f'{plural} is forbidden: User "reader" cannot list resource'}
        if split.path == "/version":
            return 200, {"gitVersion": self.git_version}
        if split.path == "/metrics":
            return (200, self.metrics) if self.metrics else (403, {"message": "forbidden"})
        if split.path == "/apis/resource.k8s.io":
            return (200, {"versions": [{"version": v} for v in self.versions]}) if self.versions else (404, {})
        if split.path.startswith("/apis/resource.k8s.io/") and split.path.count("/") == 3:
            names = [name for kind, name in PLURALS.items() if kind not in ("Node", "Pod")]
            return 200, {"resources": [{"name": name} for name in [*names, "resourceclaims/status"]]}
        return self.list(plural, query)

    def list(self, plural: str, query: dict[str, str]) -> tuple[int, Any]:
        entries = [o for o in self.objects if PLURALS[o["kind"]] == plural]
        start = int(query.get("continue", "0"))
        if start and self.expire_once:
            self.expire_once = False
            return 410, {"kind": "Status", "message": "The provided continue parameter is too old"}
        size = min(int(query["limit"]), 2 if plural == "nodes" else 20) if "limit" in query else len(entries)
        rest = start + size < len(entries)
        api = "v1" if plural in ("nodes", "pods") else f"resource.k8s.io/{self.versions[0]}"
        # The entries of a list have no type of their own.
        bare = [{k: v for k, v in e.items() if k not in ("kind", "apiVersion")} for e in entries[start : start + size]]
        return 200, {"apiVersion": api, "metadata": {"continue": str(start + size)} if rest else {}, "items": bare}


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Head and body go out together, so that nobody waits for an acknowledgement in between.
        wbufsize = 1 << 16

        def do_GET(self) -> None:
            state.methods.add(self.command)
            assert self.headers["Authorization"] == "Bearer secret"
            status, value = state.answer(self.path)
            body = (value if isinstance(value, str) else json.dumps(value)).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            """Nothing."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever, daemon=True)
    thread.start()
    state.url = f"http://127.0.0.1:{http.server_port}"  # type: ignore[attr-defined]
    yield state
    http.shutdown()
    http.server_close()
    thread.join()


@pytest.fixture
def kubeconfig(server: Server, tmp_path: Path) -> str:
    path = tmp_path / "kubeconfig"
    contexts = [
        {"name": "here", "context": {"cluster": "c", "user": "u", "namespace": "research"}},
        {"name": "nowhere", "context": {"cluster": "gone", "user": "u"}},
    ]
    clusters = [
        {"name": "c", "cluster": {"server": server.url}},  # type: ignore[attr-defined]
        {"name": "gone", "cluster": {"server": "http://127.0.0.1:9"}},
    ]
    users = [{"name": "u", "user": {"token": "secret"}}]
    config = {"apiVersion": "v1", "kind": "Config", "current-context": "here"}
    path.write_text(json.dumps(config | {"contexts": contexts, "clusters": clusters, "users": users}))
    return str(path)


def codes(refused: pytest.ExceptionInfo[InvalidInput]) -> list[str]:
    return [d.code for d in refused.value.diagnostics]


def test_a_cluster_and_its_dump_give_the_same_words(vendors: Any, server: Server, kubeconfig: str) -> None:
    server.objects = vendors.objects
    on = "\n".join(
        f'kubernetes_feature_enabled{{name="{gate}",stage="ALPHA"}} {int(is_on)}'
        for gate, is_on in vendors.server().gates.items()
    )
    server.metrics = f'# HELP x\nother{{name="DRAAdminAccess"}} 0\n{on}\n'
    connection = live.connect(kubeconfig=kubeconfig)
    assert (connection.name, connection.namespace) == ("here", "research")
    cluster = live.read_cluster(connection)
    assert cluster.server.gates == vendors.server().gates
    read = read_dump(Source("dump.yaml", live.dump(connection)))
    expected = vendors.cluster()
    for name in ("h100-even-index", "two-big-gpus", "single-gpu"):
        key = PodKey("default", name)
        words = as_text(why_pod(expected, key), verbose=True)
        assert as_text(why_pod(cluster, key), verbose=True) == words
        assert as_text(why_pod(read, key), verbose=True) == words
    assert server.methods == {"GET"}


def test_pages_that_expire_are_read_anew(server: Server, kubeconfig: str, node: Builder) -> None:
    server.objects = [node(f"n{i}") for i in range(5)]
    server.expire_once = True
    assert len(live.read_cluster(live.connect(kubeconfig=kubeconfig)).nodes) == 5


def test_an_older_server_is_read_in_its_own_version(server: Server, kubeconfig: str) -> None:
    server.versions, server.git_version = ["v1beta1"], "v1.33.4"
    cluster = live.read_cluster(live.connect(kubeconfig=kubeconfig))
    assert "/apis/resource.k8s.io/v1beta1/resourceclaims" in server.asked
    assert cluster.server.notes() == [
        "semantics of kubernetes-1.34, the server's version is v1.33.4",
        "Kubernetes v1.33.4 has no profile of its own; kubernetes-1.34 is the nearest",
        "feature gates were not read; those that the version has on by default are taken",
    ]


def test_every_missing_right_is_told_at_once(server: Server, kubeconfig: str) -> None:
    server.forbidden = {"pods", "resourceslices"}
    with pytest.raises(InvalidInput) as refused:
        live.read_cluster(live.connect(kubeconfig=kubeconfig))
    assert codes(refused) == ["CLU002", "CLU002"]
    first, second = refused.value.diagnostics
    assert first.message.startswith("no right to list pods: pods is forbidden")
    assert second.message.startswith("no right to list resourceslices.resource.k8s.io:")
    assert "--verb=get,list,watch --resource=nodes,pods,deviceclasses.resource.k8s.io," in first.help


def test_a_server_without_device_allocation(server: Server, kubeconfig: str) -> None:
    server.versions = []
    with pytest.raises(InvalidInput) as refused:
        live.read_cluster(live.connect(kubeconfig=kubeconfig))
    assert codes(refused) == ["CLU003"]


def test_an_unknown_context_and_a_server_that_is_gone(server: Server, kubeconfig: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as refused:
        live.connect("elsewhere", kubeconfig)
    assert codes(refused) == ["CLU001"]
    assert refused.value.diagnostics[0].help == "there are here, nowhere"
    with pytest.raises(InvalidInput) as refused:
        live.connect(kubeconfig=str(tmp_path / "none"))
    assert codes(refused) == ["CLU001"]
    with pytest.raises(InvalidInput) as refused:
        live.read_cluster(live.connect("nowhere", kubeconfig))
    assert refused.value.diagnostics[0].message.startswith("nowhere does not answer")


def test_the_environment_of_this_moment_names_the_kubeconfig(
    server: Server, kubeconfig: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program may set it after the client was imported."""
    server.objects = []
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    with pytest.raises(InvalidInput) as refused:
        live.connect()
    assert codes(refused) == ["CLU001"]
    monkeypatch.setenv("KUBECONFIG", kubeconfig)
    assert live.connect().name == "here"


def test_without_the_client(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(live, "import_module", missing)
    with pytest.raises(InvalidInput) as refused:
        live.connect()
    assert codes(refused) == ["CLU004"]


def test_the_commands(vendors: Any, server: Server, kubeconfig: str) -> None:
    """As processes of their own: what `why` says of the cluster it says of its dump."""
    server.objects = vendors.objects

    def run(*arguments: str, stdin: str = "") -> str:
        done = subprocess.run(
            [sys.executable, "-m", "dra_policy", *arguments],
            env=os.environ | {"KUBECONFIG": kubeconfig},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    subject = ("why", "pod/vm-gpu", "--namespace", "default")
    live_words = run(*subject)
    assert live_words.startswith("pod default/vm-gpu: fits on l40s-vm-01: gpu=gpu-vfio-0\n")
    assert run(*subject, "--from", "-", stdin=run("dump", "--context", "here")) == live_words
