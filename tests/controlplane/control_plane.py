"""A control plane of Kubernetes for tests: etcd, API server, controllers and scheduler, on the loopback only.

There is no kubelet: nodes are objects that say they are ready, and pods that are bound stay as they are.
"""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

READY_SECONDS: Final = 120
POLL_SECONDS: Final = 0.1
USERS: Final = {
    "admin": "system:masters",
    "system:kube-scheduler": "",
    "system:kube-controller-manager": "",
    "reader": "",
    "stranger": "",
}
"""Who may connect, each with a group; the token of a user is its name."""

Json = dict[str, Any]


class Refused(Exception):
    """The API server's answer is an error."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


class ControlPlane:
    """The programs of one folder, running with their state in another until `stop`."""

    def __init__(self, programs: Path, folder: Path, gates: dict[str, bool]) -> None:
        self._programs = programs
        self._folder = folder
        self._gates = ",".join(f"{name}={'true' if on else 'false'}" for name, on in gates.items())
        self._running: list[subprocess.Popen[bytes]] = []
        self._certificates()
        self.url = f"https://127.0.0.1:{_free_port()}"
        self._trust = ssl.create_default_context(cafile=str(folder / "ca.crt"))

    # --- starting and stopping

    def start(self) -> None:
        """Returns when pods can be created. Raises `TimeoutError` with the name of the part that is not ready."""
        folder = self._folder
        store, peers = _free_port(), _free_port()
        self._run(
            "etcd",
            f"--data-dir={folder}/etcd",
            f"--listen-client-urls=http://127.0.0.1:{store}",
            f"--advertise-client-urls=http://127.0.0.1:{store}",
            f"--listen-peer-urls=http://127.0.0.1:{peers}",
            f"--initial-advertise-peer-urls=http://127.0.0.1:{peers}",
            f"--initial-cluster=default=http://127.0.0.1:{peers}",
            "--unsafe-no-fsync",
            "--log-level=error",
        )
        wait_for("etcd", lambda: _alive(f"http://127.0.0.1:{store}/health", None))
        self._run(
            "kube-apiserver",
            f"--etcd-servers=http://127.0.0.1:{store}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            f"--secure-port={self.url.rpartition(':')[2]}",
            "--endpoint-reconciler-type=none",
            f"--tls-cert-file={folder}/server.crt",
            f"--tls-private-key-file={folder}/server.key",
            f"--client-ca-file={folder}/ca.crt",
            f"--token-auth-file={folder}/tokens.csv",
            "--authorization-mode=Node,RBAC",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={folder}/accounts.pub",
            f"--service-account-signing-key-file={folder}/accounts.key",
            "--service-cluster-ip-range=10.0.0.0/24",
            f"--feature-gates={self._gates}",
        )
        wait_for("kube-apiserver", lambda: self.text("/readyz") == "ok")
        scheduler = self.kubeconfig("system:kube-scheduler")
        configuration = {
            "apiVersion": "kubescheduler.config.k8s.io/v1",
            "kind": "KubeSchedulerConfiguration",
            "leaderElection": {"leaderElect": False},
            "clientConnection": {"kubeconfig": str(scheduler)},
            # Every change is tried at once, so that no test waits for a back-off.
            "podInitialBackoffSeconds": 1,
            "podMaxBackoffSeconds": 1,
        }
        (folder / "scheduler.json").write_text(json.dumps(configuration))
        self._run(
            "kube-scheduler",
            f"--config={folder}/scheduler.json",
            "--bind-address=127.0.0.1",
            f"--secure-port={_free_port()}",
            f"--authentication-kubeconfig={scheduler}",
            f"--authorization-kubeconfig={scheduler}",
            f"--feature-gates={self._gates}",
        )
        controllers = self.kubeconfig("system:kube-controller-manager")
        self._run(
            "kube-controller-manager",
            f"--kubeconfig={controllers}",
            "--bind-address=127.0.0.1",
            f"--secure-port={_free_port()}",
            "--leader-elect=false",
            "--use-service-account-credentials",
            f"--authentication-kubeconfig={controllers}",
            f"--authorization-kubeconfig={controllers}",
            f"--service-account-private-key-file={folder}/accounts.key",
            f"--root-ca-file={folder}/ca.crt",
            # Nobody renews the nodes' leases.
            "--node-monitor-grace-period=24h",
            f"--feature-gates={self._gates}",
        )
        wait_for("the default service account", lambda: self.get("/api/v1/namespaces/default/serviceaccounts/default"))

    def stop(self) -> None:
        """End what was started, the last first."""
        for process in reversed(self._running):
            process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._running.clear()

    def log(self, program: str) -> str:
        return (self._folder / f"{program}.log").read_text(errors="replace")

    def _run(self, program: str, *arguments: str) -> None:
        with (self._folder / f"{program}.log").open("wb") as log:
            self._running.append(
                subprocess.Popen(
                    [str(self._programs / program), *arguments],
                    cwd=self._folder,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                )
            )

    def _certificates(self) -> None:
        def openssl(*arguments: str) -> None:
            subprocess.run(["openssl", *arguments], cwd=self._folder, check=True, capture_output=True, timeout=60)

        curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
        openssl("req", "-x509", *curve, "-days", "2", "-subj", "/CN=test", "-keyout", "ca.key", "-out", "ca.crt")
        openssl("req", *curve, "-subj", "/CN=kube-apiserver", "-keyout", "server.key", "-out", "server.csr")
        (self._folder / "names").write_text("subjectAltName=IP:127.0.0.1,DNS:kubernetes.default.svc\n")
        signing = ("-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "names")
        openssl("x509", "-req", "-in", "server.csr", *signing, "-out", "server.crt")
        openssl("genrsa", "-out", "accounts.key", "2048")
        openssl("rsa", "-in", "accounts.key", "-pubout", "-out", "accounts.pub")
        lines = [
            f'{name},{name},uid-{name},"{group}"' if group else f"{name},{name},uid-{name}"
            for name, group in USERS.items()
        ]
        (self._folder / "tokens.csv").write_text("\n".join(lines) + "\n")

    def kubeconfig(self, user: str) -> Path:
        """The path of a kubeconfig for one of the users."""
        path = self._folder / f"{user.replace(':', '-')}.kubeconfig"
        cluster = {"server": self.url, "certificate-authority": str(self._folder / "ca.crt")}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": user, "user": {"token": user}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": user}}],
        }
        path.write_text(json.dumps(config))
        path.chmod(0o600)
        return path

    # --- the API, as its administrator

    def text(self, path: str) -> str:
        return self._request("GET", path, None, "application/json")

    def get(self, path: str) -> Json:
        return json.loads(self.text(path))

    def create(self, path: str, value: Json) -> Json:
        return json.loads(self._request("POST", path, value, "application/json"))

    def patch(self, path: str, change: Json) -> Json:
        return json.loads(self._request("PATCH", path, change, "application/merge-patch+json"))

    def delete(self, path: str) -> None:
        """At once: there is no kubelet that would end anything."""
        self._request("DELETE", f"{path}?gracePeriodSeconds=0", None, "application/json")

    def _request(self, method: str, path: str, value: Json | None, content: str) -> str:
        headers = {"Authorization": "Bearer admin", "Content-Type": content}
        body = None if value is None else json.dumps(value).encode()
        request = urllib.request.Request(f"{self.url}{path}", body, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=20, context=self._trust) as response:
                return response.read().decode()
        except urllib.error.HTTPError as problem:
            with problem:
                raise Refused(problem.code, problem.read().decode()) from None


def wait_for(what: str, ready: Callable[[], Any], seconds: float = READY_SECONDS) -> Any:
    """What `ready` gives as soon as that is true. Raises `TimeoutError`."""
    end = time.monotonic() + seconds
    last: Exception | None = None
    while time.monotonic() < end:
        try:
            found = ready()
        except (OSError, Refused) as problem:
            last, found = problem, None
        if found:
            return found
        time.sleep(POLL_SECONDS)
    raise TimeoutError(f"{what} is not ready after {seconds} s: {last}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _alive(url: str, trust: ssl.SSLContext | None) -> bool:
    with urllib.request.urlopen(url, timeout=5, context=trust) as response:
        return response.status == 200
