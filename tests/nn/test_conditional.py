"""A decoder that is told some columns of the rows."""

import pytest
import torch

from skae.nn import ConditionalAutoEncoder, SkipMLP, TableInput
from skae.utils import TableSchema
from tests.schemas import category, encoded_rows, number

RNG = torch.Generator().manual_seed(0)
SCHEMA = TableSchema(
    (
        number(has_missing=True),
        category([3.0, 2.0, 1.0]),
        number(has_missing=True),
        category(torch.ones(40).numpy()),
    )
)


def rows(missing=0.0):
    return encoded_rows(SCHEMA, 7, missing, dtype=torch.float32)


@pytest.fixture
def module():
    inputs = TableInput(SCHEMA, RNG)
    n_condition = len(inputs.places_of([1, 2, 3]))
    encoder = SkipMLP(inputs.n_out, 4, (8,), "silu", True, RNG)
    decoder = SkipMLP(2 + n_condition, 45, (8,), "silu", True, RNG)
    return ConditionalAutoEncoder(encoder, decoder, 2, 2, inputs, [1, 2, 3])


def test_codes_hold_the_condition_as_the_encoder_sees_it(module):
    x = module.prepare(rows(0.2))
    seen = module.seen(x)
    code = module.encode(x)
    torch.testing.assert_close(code[:, :2], module.posterior(x).mean)
    torch.testing.assert_close(code[:, 2:], seen[:, module.condition])
    draws = torch.randn(3, 7, 2, generator=RNG)
    joined = module.joined(draws, seen)
    assert joined.shape == (3, *code.shape)
    torch.testing.assert_close(joined[1, :, 2:], code[:, 2:])


def test_what_is_given_is_put_into_rows(module):
    x = rows()
    back = module.with_given(torch.full_like(x, 9.0), module.encode(module.prepare(x)))
    torch.testing.assert_close(back[:, 1:], x[:, 1:])
    assert (back[:, 0] == 9).all()


def test_outputs_stay_when_units_change(module):
    x = rows(0.3)
    ratio, shift = torch.tensor([2.0, 1.0, 0.5, 1.0]), torch.tensor([1.0, 0.0, -3.0, 0.0])
    before = module(module.prepare(x))
    module.compensate_input(*module.inputs.move(ratio, shift))
    after = module(module.prepare((x - shift) / ratio))
    torch.testing.assert_close(after, before, atol=1e-4, rtol=1e-4)
