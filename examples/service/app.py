"""A model that answers over HTTP: python app.py MODEL [PORT]; docs/serving.md tells of it."""

import asyncio
import sys
from pathlib import Path

try:
    import uvicorn
    from asking import answer, json_of
    from scipy.sparse import csr_array
    from starlette.applications import Starlette
    from starlette.concurrency import run_in_threadpool
    from starlette.exceptions import HTTPException
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    import slide
    from slide.serving.folder import is_frozen
except ModuleNotFoundError as error:
    print(f"app.py: {error.name} is missing: pip install 'slide-engine[service]'", file=sys.stderr)
    sys.exit(2)


def load(folder):
    """What answers for a folder of `slide freeze`, whose bytes are checked, or of a model; warm."""
    if is_frozen(Path(folder)):
        model = slide.Predictor.load(folder, check=True)
    else:
        model = slide.Model.load(folder).freeze()
    model.predict(csr_array((1, 1)))
    return model


async def health(request):
    """Whether there is a model to ask."""
    return JSONResponse({"status": "ok", "labels": request.app.state.model.n_labels})


async def predict(request):
    """The best labels of rows or texts, by one model, whatever is loaded meanwhile."""
    model, asked = request.app.state.model, await json_of(request)
    return JSONResponse(await run_in_threadpool(answer, model, asked))


async def reload(request):
    """Read the folder anew; the old model answers until the new one can, or if it cannot."""
    state = request.app.state
    async with state.reloading:
        try:
            state.model = await run_in_threadpool(load, state.folder)
        except slide.SlideError as error:
            raise HTTPException(500, f"{error}; the old model goes on") from None
    return await health(request)


async def told(request, error):
    """An error as its sentence."""
    status, sentence = getattr(error, "status_code", 422), getattr(error, "detail", str(error))
    return JSONResponse({"error": sentence}, status)


def create_app(folder):
    """The service of a model folder."""
    ends = {"/health": (health, "GET"), "/predict": (predict, "POST"), "/reload": (reload, "POST")}
    routes = [Route(path, end, methods=[method]) for path, (end, method) in ends.items()]
    app = Starlette(routes=routes, exception_handlers={HTTPException: told, slide.SlideError: told})
    app.state.folder, app.state.model, app.state.reloading = folder, load(folder), asyncio.Lock()
    return app


def served(arguments):
    """The service and the port of a command line; what is wrong with it ends the process."""
    folder, port = [*arguments, "8000", "8000"][:2]
    try:
        if len(arguments) not in (1, 2):
            raise slide.SlideError(f"{len(arguments)} arguments: expected MODEL [PORT]")
        if not (port.isdecimal() and len(port) < 6 and 1 <= int(port) <= 65535):
            raise slide.SlideError(f"the port is {port!r:.40}: expected a number from 1 to 65535")
        return create_app(folder), int(port)
    except slide.SlideError as error:
        print(f"app.py: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    app, port = served(sys.argv[1:])
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")
