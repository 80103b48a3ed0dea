"""The storlet engine's filter, with what it lacks.

Put it into the pipelines of proxy and object servers in the place of the engine's own, whose options it takes::

    [filter:storlet_handler]
    paste.filter_factory = spark_storlets.sandbox.middleware:filter_factory
    execution_server = proxy
    ...

============  =======  ==============================================================================================
Option        Default  Description
============  =======  ==============================================================================================
head_max_age  60       Seconds for which the proxy may know what a storlet and its dependencies are, in memcached, as
                       long as Swift itself knows containers; a write through this filter makes it forget at once.
                       0: it asks each time
============  =======  ==============================================================================================

What it adds:

* The version of each dependency goes with the request, so that a new one is seen. To ask for them and for the storlet
  each time would cost more than the call; who may read the storlet's container is still checked each time.
* The entry spark_storlets of /info tells planners what the store can do (see ``advertisement``).
* A call that fails before its first output has an answer of its own (see ``failures``), is not run again on the next
  replica unless that may help, and is no error of the disk to the proxy.
* COPY stores nothing when its source cannot be read or the storlet fails, PUT nothing when its client leaves in
  mid-upload.
* Output is sent when it is there. Else the server would keep a little back for more, and if none came, it would answer
  500 with a traceback, and the proxy run the storlet again on the next replica.
* A client cannot choose what only the proxy should say: the headers X-Storlet-Main, X-Storlet-Dependency and so on.
* An output that breaks off is not completed with bytes of another run: a replica refuses to begin in the middle.
* Of an erasure-coded object the storlet runs in the proxy: object servers have fragments only, which they hand out as
  they are, and the engine would take the object itself for the storlet's output.
* The stored bytes are never handed out as a storlet's output: object servers mark what a storlet has made. A dynamic
  large object runs in the proxy, as a static one does, and nothing runs with multipart-manifest.
* A range that the engine would misread is refused: one without a first or last byte, and one of a large object or a
  symlink, unless the request says X-Storlet-Run-On-Proxy; with PUT, and a COPY in the proxy, there is none.
* An extra resource that cannot be read is an error.
"""

from __future__ import annotations

import contextlib
import functools
import re
import uuid
from collections.abc import Callable, Iterable, Iterator
from logging import Logger, LoggerAdapter
from typing import Any, ClassVar
from urllib.parse import unquote
from weakref import WeakValueDictionary

import eventlet
from eventlet.semaphore import Semaphore
from spark_storlets.sandbox.advertisement import Advertisement
from spark_storlets.sandbox.failures import StorletFailure
from spark_storlets.sandbox.gateway import POOL_SIZE
from storlets.gateway.common.stob import StorletData
from storlets.swift_middleware import storlet_handler as engine
from storlets.swift_middleware.handlers import StorletObjectHandler, StorletProxyHandler
from storlets.swift_middleware.handlers.base import NotStorletRequest, StorletBaseHandler
from swift.common.storage_policy import EC_POLICY, POLICIES
from swift.common.swob import (
    HTTPBadRequest,
    HTTPException,
    HTTPRequestedRangeNotSatisfiable,
    HTTPServiceUnavailable,
    HTTPUnauthorized,
    Range,
    Request,
    Response,
    status_map,
    wsgi_quote,
)
from swift.common.utils import cache_from_env, close_if_possible, list_from_csv, public, reiterate
from swift.common.wsgi import make_pre_authed_request, make_subrequest
from swift.proxy.controllers.base import get_container_info

__all__ = ["filter_factory"]

CLIENTS_HEADERS = re.compile(
    r"X-Storlet-(Range|Run-On-Proxy|Generate-Log|Extra-Resources|Container-Read|Name|Parameter.*)", re.IGNORECASE
)
WRITES = ("PUT", "POST", "DELETE", "COPY")
CONCURRENT_HEADS = 8
RAN = "X-Backend-Storlet-Ran"  # on an object server's answer that a storlet has made


class LargeObjects(StorletBaseHandler):  # type: ignore[misc]
    """Knows that a dynamic large object is one, too."""

    def is_slo_response(self, resp: Response) -> bool:
        """Say whether the answer has to be put together in the proxy."""
        return bool(super().is_slo_response(resp)) or "X-Object-Manifest" in resp.headers


class ObjectHandler(LargeObjects, StorletObjectHandler):  # type: ignore[misc]
    """Runs storlets in an object server. Whatever goes wrong, only Swift itself may answer 5xx (see ``failures``)."""

    def __init__(
        self,
        request: Request,
        conf: dict[str, Any],
        gateway_conf: dict[str, str],
        app: Any,
        logger: LoggerAdapter[Logger],
    ) -> None:
        with _telling_the_proxy("unready", logger):
            super().__init__(request, conf, gateway_conf, app, logger)

    def handle_request(self) -> Response:
        """Answer a request."""
        try:
            with _telling_the_proxy("refused", self.logger):
                return super().handle_request()
        except HTTPException as refusal:
            return refusal

    def apply_storlet(self, resp: Response) -> Response:
        """Run it on the object."""
        response = super().apply_storlet(resp)
        response.headers[RAN] = "yes"
        return response

    def _call_gateway(self, resp: Response) -> Any:
        try:
            if self.is_range_request:  # the proxy wants the rest of another replica's output
                raise HTTPRequestedRangeNotSatisfiable(request=self.request)
            return super()._call_gateway(resp)
        except BaseException as error:
            close_if_possible(resp.app_iter)
            if isinstance(error, StorletFailure):
                raise error.for_proxy() from None
            raise


class ProxyHandler(LargeObjects, StorletProxyHandler):  # type: ignore[misc]
    """Says what to run, and runs storlets in a proxy server."""

    def handle_request(self) -> Response:
        """Answer a request."""
        try:
            response = super().handle_request()
            self._look_for_failure(response)
            if self.request.method == "GET" and response.is_success:
                # To replace a response's app_iter would close it.
                begun = _begun(response.app_iter)
                response = Response(status=response.status, headers=response.headers, app_iter=begun)
        except StorletFailure as failure:
            if failure.kind == "changed":
                self._heads().forget()
            return failure.for_client()
        except HTTPException as refusal:
            return refusal
        return response

    def verify_access_to_storlet(self) -> dict[str, str]:
        """Check that the user may run the storlet; return what it is."""
        headers = self.request.headers
        for name in [name for name in headers if name.startswith("X-Storlet-") and not CLIENTS_HEADERS.fullmatch(name)]:
            del headers[name]
        if not _is_clear(headers.get("X-Storlet-Range", "bytes=0-0")):
            raise HTTPBadRequest("X-Storlet-Range must have a first and a last byte", request=self.request)
        upload = self.request.method == "PUT" and not self.is_put_copy_request
        if self.request.method != "GET" and (self.execute_range_on_proxy or (upload and self.is_storlet_range_request)):
            raise HTTPBadRequest("X-Storlet-Range does not work with PUT or, on the proxy, COPY", request=self.request)
        if "multipart-manifest" in self.request.params:
            raise HTTPBadRequest("No storlet runs with multipart-manifest", request=self.request)
        storlet = headers.get("X-Run-Storlet", "")
        known = self._heads().get(self.storlet_container, [storlet]) if self._may_read_storlets(storlet) else {}
        if storlet not in known:
            raise HTTPUnauthorized(b"The storlet does not exist or you may not run it", request=self.request)
        params = {
            name: value
            for name, value in self._parse_storlet_params(known[storlet]).items()
            if not CLIENTS_HEADERS.fullmatch(f"X-Storlet-{name}")
        }
        if missing := [name for name in ("Main", "Language") if name not in params]:  # it may have come by COPY
            raise StorletFailure("refused", f"it was stored without X-Object-Meta-Storlet-{missing[0]}")
        params.update({name: known[storlet][name] for name in ("Content-Length", "X-Timestamp")})
        names = list_from_csv(params.get("Dependency"))
        dependencies = self._heads().get(self.storlet_dependency, names)
        if missing := [name for name in names if name not in dependencies]:
            raise StorletFailure("refused", f"its dependencies {', '.join(missing)} do not exist")
        params["Dependency-Timestamps"] = ",".join(dependencies[name]["X-Timestamp"] for name in names)
        return params

    @property
    def execute_on_proxy(self) -> bool:
        """Say whether to run here whatever the answer is; then it can be asked for a range."""
        return bool(super().execute_on_proxy) or (self.request.method == "GET" and self._is_coded(self.request))

    def _is_coded(self, read: Request | Response) -> bool:
        container = get_container_info(read.environ, self.app, swift_source=self.agent)
        policy = POLICIES.get_by_index(container["storage_policy"])
        return policy is not None and policy.policy_type == EC_POLICY

    def is_proxy_runnable(self, resp: Response | None = None) -> bool:
        """Say whether to run here. COPY asks with its source's answer, and would store whatever it is."""
        if resp is not None:
            self._look_for_failure(resp)
            if not resp.is_success:
                raise status_map[resp.status_int](request=self.request)
        runs_here = bool(super().is_proxy_runnable(resp)) or (resp is not None and self._is_coded(resp))
        if resp is not None and runs_here and self.is_storlet_range_request and not self.execute_range_on_proxy:
            raise HTTPBadRequest("X-Storlet-Range of this object needs X-Storlet-Run-On-Proxy", request=self.request)
        if resp is not None and not runs_here and RAN not in resp.headers:
            close_if_possible(resp.app_iter)
            raise StorletFailure("unready", "its object server did not run it: see its pipeline and its filter")
        return runs_here

    @public  # type: ignore[untyped-decorator]
    def GET(self) -> Response:
        """Answer with the storlet's output. After a 403 the engine asks whom X-User-Name names, as Keystone does."""
        environ = self.request.environ
        if "keystone.identity" in environ:
            return super().GET()
        # Nobody else sets it but the client. Of tempauth's groups the second is the user.
        groups = (environ.get("REMOTE_USER") or "").split(",")
        environ["HTTP_X_USER_NAME"] = groups[1] if len(groups) > 1 else ""
        try:
            return super().GET()
        finally:
            del environ["HTTP_X_USER_NAME"]  # s3api would take it for Keystone's

    @public  # type: ignore[untyped-decorator]
    def PUT(self) -> Response:
        """Store what the storlet makes of an upload, or of a copy."""
        if not self.is_put_copy_request and self.request.content_length is not None:
            # Swift cannot compare what comes with this: it sees the storlet's output alone.
            self.request.environ["wsgi.input"] = Upload(self.request.environ["wsgi.input"], self.request.content_length)
        return super().PUT()

    def handle_put_copy_response(self, app_iter: Iterable[bytes]) -> Response:
        """Store the output."""
        output = Output(app_iter)
        response = super().handle_put_copy_response(output)
        if output.failure:
            raise output.failure
        return response

    def _call_gateway(self, resp: Response) -> Any:
        try:
            return super()._call_gateway(resp)
        except StorletFailure as failure:  # else the engine would make it a 503 without a word
            raise failure.for_client() from None

    def _build_storlet_request(self, req: Request, sheaders: Any, sbody_iter: Iterable[bytes]) -> Any:
        """Add the extra resources; the engine would take Swift's error page for one that cannot be read."""
        request = StorletBaseHandler._build_storlet_request(self, req, sheaders, sbody_iter)
        with contextlib.ExitStack() as failing:
            failing.callback(close_if_possible, sbody_iter)
            for path in self.extra_resources:
                extra = make_subrequest(self.request.environ, "GET", path, agent=self.agent).get_response(self.app)
                failing.callback(close_if_possible, extra.app_iter)
                if not extra.is_success:
                    raise status_map[extra.status_int](f"Extra resource {path}: {extra.status}", request=self.request)
                request.extra_data_list.append(StorletData(self._get_user_metadata(extra.headers), extra.app_iter))
            failing.pop_all()
        return request

    def _look_for_failure(self, response: Response) -> None:
        if failure := StorletFailure.taken_from(response.headers):
            close_if_possible(response.app_iter)
            raise failure

    def _update_storlet_parameters_from_headers(self) -> None:
        try:
            super()._update_storlet_parameters_from_headers()
        except ValueError:
            raise HTTPBadRequest("X-Storlet-Parameter must be name:value", request=self.request) from None

    def _may_read_storlets(self, storlet: str) -> bool:
        environ = self.request.environ
        if "swift.authorize" not in environ:
            return True
        path = f"/{self.api_version}/{self.account}/{self.storlet_container}/{storlet}"
        request = Request({**environ, "REQUEST_METHOD": "HEAD", "PATH_INFO": path, "QUERY_STRING": ""})
        authorize = environ["swift.authorize"]
        if authorize(request) is None:  # the account's owner, whom no ACL concerns
            return True
        request.acl = get_container_info(request.environ, self.app, swift_source=self.agent)["read_acl"]
        return bool(authorize(request) is None)

    def _heads(self) -> Heads:
        max_age = float(self.conf.get("head_max_age", 60))
        return Heads(self.request.environ, self.app, f"/{self.api_version}/{self.account}", max_age)


class Output:
    """A storlet's output, which remembers how it has failed; where it ran elsewhere, only that it has broken off."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self.failure: StorletFailure | None = None
        self._chunks = chunks
        self._iterator = iter(chunks)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            return next(self._iterator)
        except StopIteration:
            raise
        except StorletFailure as failure:
            self.failure = failure
            raise
        except (Exception, eventlet.Timeout):
            self.failure = StorletFailure("broken", "its output broke off; the object server's log may say why")
            raise

    def close(self) -> None:
        """Stop the storlet."""
        close_if_possible(self._chunks)


def _begun(chunks: Iterable[bytes]) -> Iterable[bytes]:
    """Wait for the first output: while nothing has been sent, a failure can still have an answer of its own."""
    output = Output(chunks)
    try:
        begun: Iterable[bytes] = reiterate(output)
    except BaseException:
        output.close()
        if output.failure:
            raise output.failure from None
        raise
    return begun


class Upload:
    """What a client uploads; its end before so many bytes is an error."""

    def __init__(self, source: Any, length: int) -> None:
        self._source = source
        self._left = length

    def read(self, size: int) -> bytes:
        """Return the next piece."""
        chunk = bytes(self._source.read(size))
        self._left -= len(chunk)
        if not chunk and self._left > 0:
            raise OSError(f"its client left {self._left} bytes before the end")
        return chunk


class Heads:
    """The headers of storlets and dependencies, remembered in memcached.

    Each write into an account leaves a new mark there, and headers are remembered with the mark that stood before they
    were asked for. So nothing counts that was asked for before a write, even if it is remembered only after it.
    """

    _asking: ClassVar[WeakValueDictionary[str, Semaphore]] = WeakValueDictionary()

    def __init__(self, environ: dict[str, Any], app: Any, account: str, max_age: float) -> None:
        self._environ = environ
        self._app = app
        self._account = account
        self._max_age = max_age
        self._mark = f"spark-storlets/mark{account}"

    def get(self, container: str, names: list[str]) -> dict[str, dict[str, str]]:
        """Return the headers of those objects that exist, by name.

        Raises:
            HTTPServiceUnavailable: the store cannot say now.
        """
        keys = {name: f"spark-storlets/head{self._account}/{container}/{name}" for name in names}
        memory = cache_from_env(self._environ) if keys and self._max_age >= 1 else None
        if memory is None or (remembered := self._remembered(memory, keys)) is None:
            return self._ask(container, keys)
        if len(remembered[1]) == len(keys):
            return remembered[1]
        # A query's requests come together: one of them asks for all.
        with self._asking.setdefault(self._account, Semaphore()):
            remembered = self._remembered(memory, keys)
            mark, found = remembered or (None, {})
            asked = self._ask(container, [name for name in keys if name not in found])
            if remembered and asked:
                entries = {keys[name]: {"mark": mark, "headers": headers} for name, headers in asked.items()}
                memory.set_multi(entries, self._account, time=int(self._max_age))
        return {**found, **asked}

    def forget(self) -> None:
        """Ask again for all of this account when they are needed next."""
        if memory := cache_from_env(self._environ):
            memory.set_multi({self._mark: uuid.uuid4().hex}, self._account)

    def _remembered(self, memory: Any, keys: dict[str, str]) -> tuple[str | None, dict[str, dict[str, str]]] | None:
        """Return the mark, and the headers that were remembered with it; nothing if memcached has no time for us."""
        values = memory.get_multi([self._mark, *keys.values()], self._account)
        if values is None:
            return None
        mark, *entries = values
        pairs = zip(keys, entries, strict=True)
        return mark, {name: entry["headers"] for name, entry in pairs if entry and entry["mark"] == mark}

    def _ask(self, container: str, names: Iterable[str]) -> dict[str, dict[str, str]]:
        heads = eventlet.GreenPool(CONCURRENT_HEADS).imap(lambda name: (name, self._head(container, name)), names)
        return {name: headers for name, headers in heads if headers}

    def _head(self, container: str, name: str) -> dict[str, str]:
        path = wsgi_quote(f"{self._account}/{container}/{name}") + "?"  # else the client's own query would go with it
        request = make_pre_authed_request(self._environ, "HEAD", path, agent="ST", swift_source="ST")
        response = request.get_response(self._app)
        if response.status_int // 100 == 5:  # nobody knows; to call it missing would be a 401, which nobody repeats
            raise HTTPServiceUnavailable(request=request, headers={"Retry-After": "1"})
        if not response.is_success:
            return {}
        return {
            key: value
            for key, value in response.headers.items()
            if key.startswith("X-Object-Meta-Storlet-") or key in ("Content-Length", "X-Timestamp")
        }


class Middleware(engine.StorletHandlerMiddleware):  # type: ignore[misc]
    """The engine's middleware with handlers of ours."""

    def __init__(self, app: Any, conf: dict[str, Any], gateway_conf: dict[str, str]) -> None:
        super().__init__(app, conf, gateway_conf)
        proxy = conf["execution_server"] == "proxy"
        workers = int(gateway_conf.get("pool_size", POOL_SIZE))
        self._advertisement = Advertisement(conf.get("swift_dir", "/etc/swift"), workers) if proxy else None

    def _get_handler(self, exec_server: str) -> type:
        handlers = {"proxy": ProxyHandler, "object": ObjectHandler}
        if exec_server not in handlers:
            raise ValueError(f"execution_server = {exec_server}: must be proxy or object")
        return handlers[exec_server]

    def __call__(self, env: dict[str, Any], start_response: Any) -> Any:
        """Serve a request, and forget what it may have changed."""
        written = [env["PATH_INFO"], _destination(env)] if env["REQUEST_METHOD"] in WRITES else []
        if "HTTP_X_RUN_STORLET" in env:
            env["eventlet.minimum_write_chunk_size"] = 0
            answer = self._counted(env, start_response)
        else:
            answer = super().__call__(env, start_response)
        for path in written:
            version, account, container, name = [*path.lstrip("/").split("/", 3), "", "", "", ""][:4]
            if name and container in (self.conf["storlet_container"], self.conf["storlet_dependency"]):
                Heads(env, self.app, f"/{version}/{account}", 0).forget()
        return answer

    def _counted(self, env: dict[str, Any], start_response: Any) -> Any:
        call = functools.partial(super().__call__, env, start_response)
        return self._advertisement.counted(call) if self._advertisement else call()


def filter_factory(global_conf: dict[str, str], **local_conf: str) -> Callable[[Any], Middleware]:
    """Return a filter as Paste wants it."""
    made = engine.filter_factory(global_conf, **local_conf)(None)  # it also registers itself for /info
    names = {"storlet_container": "storlet", "storlet_dependency": "dependency"}
    conf = {**names, "swift_dir": global_conf.get("swift_dir", "/etc/swift"), **made.conf}
    return lambda app: Middleware(app, conf, made.gateway_conf)


@contextlib.contextmanager
def _telling_the_proxy(kind: str, logger: LoggerAdapter[Logger]) -> Iterator[None]:
    """Make a failure of this kind of what nobody has foreseen."""
    try:
        yield
    except (HTTPException, NotStorletRequest):
        raise
    except Exception as error:
        logger.exception("A storlet could not be run")
        message = f"{type(error).__name__}; the object server's log says more"
        raise StorletFailure(kind, message).for_proxy() from None


def _is_clear(byte_range: str) -> bool:
    """Say whether all its ranges have a first and a last byte."""
    try:
        return all(None not in pair for pair in Range(byte_range).ranges)
    except ValueError:
        return False


def _destination(env: dict[str, Any]) -> str:
    """Return the path that COPY writes."""
    account = "/".join(env["PATH_INFO"].split("/")[:3])
    return f"{account}/{unquote(env.get('HTTP_DESTINATION', '')).lstrip('/')}"
