"""Serve the page to browsers: on this machine only unless asked, and without any request to another one."""

from __future__ import annotations

import logging
import os
import shutil
import socket
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vosbench.errors import VosbenchError
from vosbench.ui.events import build_page
from vosbench.ui.models import LoadedModels
from vosbench.ui.tabs import Tabs

LOOPBACK = ("127.0.0.1", "localhost", "::1")
GRACE = 2  # seconds that open connections have at the end


@dataclass(frozen=True)
class PageServer:
    """A page that is ready to be served. address: where. folder: for all temporary files; `serve` deletes it."""

    app: Any
    listener: socket.socket
    address: str
    tabs: Tabs
    folder: Path

    def serve(self) -> None:
        """Serve until the process is interrupted; close all tabs then, and delete all temporary files."""
        import uvicorn

        config = uvicorn.Config(self.app, log_level="error", timeout_graceful_shutdown=GRACE, ws="none")
        try:
            uvicorn.Server(config).run(sockets=[self.listener])
        finally:
            self.close()

    def close(self) -> None:
        """Close all tabs and the listening socket, and delete all temporary files."""
        self.listener.close()
        self.tabs.close_all()
        shutil.rmtree(self.folder, ignore_errors=True)


def prepare_server(models: LoadedModels, datasets: Path, host: str, port: int, max_upload_bytes: int) -> PageServer:
    """Build the page, and listen on a port.

    datasets: the folder of all datasets. host: "127.0.0.1", or another address of this machine. port: 0 for any free
    one. Raises VosbenchError if Gradio is not installed, or the address cannot be listened on.
    """
    folder = Path(tempfile.mkdtemp(prefix="vosbench-ui-"))
    _prepare_gradio(folder / "gradio")
    try:
        listener = _listen(host, port)
        tabs = Tabs(models, folder / "tabs")
        _serve_without_copies(tabs.folder)
        app = _mount_page(build_page(tabs, datasets, max_upload_bytes), host, max_upload_bytes)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    name = f"[{host}]" if ":" in host else host
    return PageServer(app, listener, f"http://{name}:{listener.getsockname()[1]}", tabs, folder)


def _prepare_gradio(folder: Path) -> None:
    """Import Gradio so that it reports nothing to anybody. folder: for its copies of files."""
    os.environ |= {
        "GRADIO_ANALYTICS_ENABLED": "False",
        "GRADIO_TEMP_DIR": str(folder),
        "GRADIO_SSR_MODE": "False",
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }
    folder.mkdir(parents=True)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        import gradio  # noqa: F401
    except ImportError as error:
        shutil.rmtree(folder.parent, ignore_errors=True)
        raise VosbenchError("ui", f"the page needs Gradio ({error})", 'run: pip install "vosbench[ui]"') from None


def _serve_without_copies(folder: Path) -> None:
    """Let Gradio serve the tabs' pictures and exports where they are, so that they go when a tab is closed.

    A tab's folder has a random name, so no other tab can ask for its files.
    """
    import gradio as gr

    folder.mkdir(parents=True)
    gr.set_static_paths([folder])


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        number = getattr(error, "errno", None)
        reason = os.strerror(number) if isinstance(error, OSError) and number and number > 0 else str(error)
        raise VosbenchError(f"{host}:{port}", f"cannot be listened on ({reason})", "give another --port") from None


def _mount_page(page: Any, host: str, max_upload_bytes: int) -> Any:
    """The page as an ASGI application, which on loopback answers only requests that name this machine."""
    import gradio as gr
    from fastapi import FastAPI
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    if host in LOOPBACK:  # so that no other site can reach the page by a name that it points here
        app.add_middleware(TrustedHostMiddleware, allowed_hosts=[*LOOPBACK, "[::1]"])
    here = Path(__file__).parent
    script = (here / "page.js").read_text(encoding="utf-8")
    return gr.mount_gradio_app(
        app,
        page,
        path="/",
        server_name=host,
        footer_links=[],
        run_history=False,
        max_file_size=max_upload_bytes,
        ssr_mode=False,
        enable_monitoring=False,
        mcp_server=False,
        theme=_make_theme(),
        css=(here / "page.css").read_text(encoding="utf-8"),
        head=f"<script>{script}</script>",
    )


def _make_theme() -> Any:
    """Gradio's plain theme with the fonts of the reader's system."""
    import gradio as gr

    theme = gr.themes.Base(
        primary_hue="blue",
        neutral_hue="zinc",
        spacing_size="sm",
        radius_size="md",
        text_size="sm",
        font=["system-ui", "sans-serif"],
        font_mono=["ui-monospace", "monospace"],
    )
    return theme.set(body_text_color_subdued="*neutral_500", body_text_color_subdued_dark="*neutral_400")
