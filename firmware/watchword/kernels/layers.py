"""The bodies of the layer kernels that this chip runs. Imported when a program is loaded: until then they take no heap."""

from watchword.kernels import AVERAGE_POOL, CONV, DEPTHWISE, SOFTMAX

try:
    from watchword.kernels import layers_viper as body
except (ImportError, SyntaxError, ValueError):  # no native emitter here, or an .mpy of another architecture
    from watchword.kernels import layers_plain as body


def table(layers):
    """The layer kernels of a module by number."""
    return {CONV: layers.conv, DEPTHWISE: layers.depthwise, AVERAGE_POOL: layers.average_pool, SOFTMAX: layers.softmax}


KERNELS = table(body)
