"""Parts of the model that cannot be compiled work as before."""

from __future__ import annotations

import pytest
import torch
from torch.nn import Linear, ModuleDict, Sequential, Sigmoid

from vosbench.trackers.sam2.compiled import COMPILED_PARTS, compile_parts

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch")
def test_a_part_that_cannot_be_compiled_is_logged_in_one_line_and_works(caplog: pytest.LogCaptureFixture) -> None:
    from torch._inductor import config

    model = ModuleDict({name: Sequential(Linear(2, 2), Sigmoid()) for name in COMPILED_PARTS})
    values = torch.ones(3, 2)
    with config.patch({"cpp.cxx": (None, "no-compiler")}), torch.inference_mode():
        plain = {name: model[name](values) for name in COMPILED_PARTS}
        compile_parts(model)
        for _ in range(2):
            assert all(torch.equal(model[name](values), plain[name]) for name in COMPILED_PARTS)
    logged = [record.message for record in caplog.records if record.name.startswith("vosbench")]
    assert [message.split(" (")[0] for message in logged] == [
        "image_encoder is not compiled",
        "memory_attention is not compiled",
    ]
    assert not any("\n" in message for message in logged)
