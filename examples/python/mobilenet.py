"""libmobilenet from Python: ctypes and NumPy, nothing to compile.

A thin layer: one class per object of the C library, arrays passed without a copy in either direction, and failures
raised as MobileNetError with the library's own sentence. The C headers say what each option means.

    import mobilenet as mbn
    x, y = mbn.shapes(2000, 32, 32, seed=1)
    model = mbn.Model.mobilenet(height=32, width=32, classes=10, alpha=0.25)
    model.compile(optimizer=mbn.OPTIMIZER_ADAM)
    history = model.fit(x, y, epochs=2, batch_size=64)
    probabilities = model.predict(x)
    predictor = model.predictor(max_batch=8, input_type=mbn.U8)  # compiled: one a thread, clones share weights
    probabilities = predictor.run(x[:8])
    print(predictor.top_k(probabilities[0], 3))

The library is the file named by MBN_LIBRARY, or build/libmobilenet.so of this checkout, or what the system finds.
"""
import contextlib
import ctypes
import os
import pathlib
import weakref
from ctypes import (CFUNCTYPE, POINTER, Structure, byref, c_char_p, c_double, c_int32, c_int64, c_size_t, c_uint64,
                    c_void_p)

import numpy as np

F32, U8, I8, I32 = range(4)
CHANNELS_LAST, CHANNELS_FIRST = range(2)
POOLING_NONE, POOLING_AVG, POOLING_MAX = range(3)
ACTIVATION_RELU6, ACTIVATION_RELU = range(2)
PRECISION_F32, PRECISION_BF16 = range(2)
OUTPUT_PROBABILITIES, OUTPUT_LOGITS, OUTPUT_EMBEDDING = range(3)
LAYOUT_MODEL, LAYOUT_NHWC, LAYOUT_NCHW = range(3)
OPTIMIZER_SGD, OPTIMIZER_RMSPROP, OPTIMIZER_ADAM, OPTIMIZER_ADAMW = range(4)
SCHEDULE_CONSTANT, SCHEDULE_STEP, SCHEDULE_COSINE, SCHEDULE_ONE_CYCLE, SCHEDULE_EXPONENTIAL = range(5)
MONITOR_AUTO, MONITOR_MIN, MONITOR_MAX = range(3)

_DTYPES = {F32: np.dtype(np.float32), U8: np.dtype(np.uint8), I8: np.dtype(np.int8), I32: np.dtype(np.int32)}
_TYPES = {dtype: number for number, dtype in _DTYPES.items()}


def _open_library():
    here = pathlib.Path(__file__).resolve().parents[2] / "build" / "libmobilenet.so"
    named = os.environ.get("MBN_LIBRARY")
    return ctypes.CDLL(named or (str(here) if here.exists() else "libmobilenet.so"))


_lib = _open_library()


class MobileNetError(Exception):
    """A call of the library failed: `status` is its code's name, the text names the call, argument and value."""

    def __init__(self, status, text):
        super().__init__(text)
        self.status = status


# ---- structs of the C API, field by field. init_sized fills them, so an older or newer library is no danger. ----

class FitEvent(Structure):
    """What a callback of fit is told; mbn_fit_event."""
    _fields_ = [("struct_size", c_size_t), ("loss", c_double), ("accuracy", c_double), ("val_loss", c_double),
                ("val_accuracy", c_double), ("seconds", c_double), ("epoch", c_int64), ("epochs", c_int64),
                ("batch", c_int64), ("batches", c_int64), ("samples", c_int64), ("training_samples", c_int64),
                ("learning_rate", c_double)]


_FitCallback = CFUNCTYPE(c_int32, c_void_p, c_void_p, POINTER(FitEvent))


class _MobilenetOptions(Structure):
    _fields_ = [("struct_size", c_size_t), ("alpha", c_double), ("dropout", c_double), ("seed", c_uint64),
                ("height", c_int64), ("width", c_int64), ("channels", c_int64), ("classes", c_int64),
                ("min_size", c_int64), ("depth_multiplier", c_int32), ("data_format", c_int32),
                ("include_top", c_int32), ("pooling", c_int32), ("shallow", c_int32), ("activation", c_int32),
                ("stem_stride", c_int32), ("preprocessing", c_int32)]


class _CompileOptions(Structure):
    _fields_ = [("struct_size", c_size_t), ("learning_rate", c_double), ("momentum", c_double), ("rho", c_double),
                ("beta1", c_double), ("beta2", c_double), ("epsilon", c_double), ("weight_decay", c_double),
                ("label_smoothing", c_double), ("optimizer", c_int32), ("nesterov", c_int32), ("clip_norm", c_double),
                ("clip_value", c_double), ("accumulation", c_int64), ("ema_decay", c_double), ("decay_depthwise", c_int32),
                ("reserved", c_int32)]


class _FitOptions(Structure):
    _fields_ = [("struct_size", c_size_t), ("validation_x", c_void_p), ("validation_y", c_void_p),
                ("on_batch_end", _FitCallback), ("on_epoch_end", _FitCallback), ("callback_user", c_void_p),
                ("validation_split", c_double), ("seed", c_uint64), ("batch_size", c_int64), ("epochs", c_int64),
                ("shuffle", c_int32), ("verbose", c_int32), ("schedule", c_void_p), ("callbacks", c_void_p),
                ("callback_count", c_int64), ("class_weights", c_void_p), ("sample_weights", c_void_p),
                ("class_weight_count", c_int64), ("augment", c_void_p), ("readers", c_int32), ("batches_ahead", c_int32),
                ("validate_weights", c_int32), ("reserved", c_int32)]


class _ScheduleOptions(Structure):
    _fields_ = [("struct_size", c_size_t), ("learning_rate", c_double), ("start_rate", c_double),
                ("end_rate", c_double), ("warmup_epochs", c_double), ("epochs", c_double), ("period", c_double),
                ("factor", c_double), ("first_epoch", c_double), ("kind", c_int32), ("reserved", c_int32)]


class _EarlyStoppingOptions(Structure):
    _fields_ = [("struct_size", c_size_t), ("monitor", c_char_p), ("min_delta", c_double), ("baseline", c_double),
                ("patience", c_int64), ("start_from_epoch", c_int64), ("mode", c_int32), ("restore_best", c_int32)]


class _ReduceOnPlateauOptions(Structure):
    _fields_ = [("struct_size", c_size_t), ("monitor", c_char_p), ("factor", c_double), ("min_delta", c_double),
                ("min_rate", c_double), ("patience", c_int64), ("cooldown", c_int64), ("mode", c_int32),
                ("reserved", c_int32)]


class _ModelCheckpointOptions(Structure):
    _fields_ = [("struct_size", c_size_t), ("path", c_char_p), ("monitor", c_char_p), ("keep_last", c_int64),
                ("every_epochs", c_int64), ("mode", c_int32), ("best_only", c_int32), ("weights_only", c_int32),
                ("average", c_int32)]


class _CsvLoggerOptions(Structure):
    _fields_ = [("struct_size", c_size_t), ("path", c_char_p), ("append", c_int32), ("reserved", c_int32)]


class _SaveOptions(Structure):
    _fields_ = [("struct_size", c_size_t), ("encoding", c_int32), ("compression", c_int32), ("average", c_int32),
                ("reserved", c_int32)]


class _PredictorOptions(Structure):
    _fields_ = [("struct_size", c_size_t), ("context", c_void_p), ("max_batch", c_int64), ("threads", c_int32),
                ("precision", c_int32), ("isa_limit", c_int32), ("output", c_int32), ("input_type", c_int32),
                ("layout", c_int32)]


def _options(struct, name, values):
    options = struct()
    getattr(_lib, f"mbn_{name}_options_init_sized")(byref(options), ctypes.sizeof(options))
    known = {field[0] for field in struct._fields_} - {"struct_size"}
    for key, value in values.items():
        if key not in known:
            raise TypeError(f"{name} has no option {key!r}; it has {', '.join(sorted(known))}")
        setattr(options, key, os.fsencode(value) if isinstance(value, (str, os.PathLike)) else value)
    return options


# ---- functions. Those returning a status raise; `errors` are read on the thread that failed. ----

def _raise_on_failure(status, function, arguments):
    if status:
        name = _lib.mbn_status_name(status).decode()
        raise MobileNetError(name, _lib.mbn_last_error().decode("utf-8", "replace"))
    return status


def _declare(name, result, *arguments):
    function = getattr(_lib, name)
    function.argtypes = arguments
    function.restype = result
    if result is _Status:
        function.restype = c_int32
        function.errcheck = _raise_on_failure


class _Status:
    """Marks functions that return mbn_status."""


_Release = CFUNCTYPE(None, c_void_p, c_void_p)
_Handle = c_void_p
_Out = POINTER(c_void_p)

_declare("mbn_status_name", c_char_p, c_int32)
_declare("mbn_last_error", c_char_p)
_declare("mbn_version_string", c_char_p)
_declare("mbn_build_info", c_char_p)
for _name in ("mobilenet", "compile", "fit", "save", "predictor", "schedule", "early_stopping", "reduce_on_plateau",
              "model_checkpoint", "csv_logger"):
    _declare(f"mbn_{_name}_options_init_sized", None, c_void_p, c_size_t)
_declare("mbn_tensor_wrap", _Status, _Handle, c_int32, c_int32, POINTER(c_int64), c_void_p, _Release, c_void_p, _Out)
_declare("mbn_tensor_destroy", None, _Handle)
_declare("mbn_tensor_type", c_int32, _Handle)
_declare("mbn_tensor_rank", c_int32, _Handle)
_declare("mbn_tensor_dims", POINTER(c_int64), _Handle)
_declare("mbn_tensor_data", c_void_p, _Handle)
_declare("mbn_tensor_bytes", c_size_t, _Handle)
_declare("mbn_mobilenet_create", _Status, _Handle, c_void_p, _Out)
_declare("mbn_model_destroy", None, _Handle)
_declare("mbn_model_parameter_count", _Status, _Handle, POINTER(c_int64), POINTER(c_int64))
_declare("mbn_model_summary", _Status, _Handle, c_char_p, c_size_t, POINTER(c_size_t))
_declare("mbn_model_parameter_tensors", c_size_t, _Handle)
_declare("mbn_model_parameter_name", c_char_p, _Handle, c_size_t)
_declare("mbn_model_get_parameter", _Status, _Handle, c_char_p, _Out)
_declare("mbn_model_set_parameter", _Status, _Handle, c_char_p, _Handle)
_declare("mbn_model_set_trainable", _Status, _Handle, c_char_p, c_int32)
_declare("mbn_model_replace_head", _Status, _Handle, c_int64, c_uint64)
_declare("mbn_compile", _Status, _Handle, c_void_p)
_declare("mbn_fit", _Status, _Handle, _Handle, _Handle, c_void_p, _Out)
for _name in ("early_stopping", "reduce_on_plateau", "model_checkpoint", "csv_logger"):
    _declare(f"mbn_{_name}_create", _Status, _Handle, c_void_p, _Out)
_declare("mbn_terminate_on_nan_create", _Status, _Handle, _Out)
_declare("mbn_callback_destroy", None, _Handle)
_declare("mbn_schedule_rate", _Status, c_void_p, c_double, POINTER(c_double))
_declare("mbn_checkpoint_save", _Status, _Handle, c_char_p)
_declare("mbn_checkpoint_load", _Status, _Handle, c_char_p, _Out)
_declare("mbn_evaluate", _Status, _Handle, _Handle, _Handle, c_int64, POINTER(c_double), POINTER(c_double))
_declare("mbn_predict", _Status, _Handle, _Handle, _Out)
_declare("mbn_predictor_create", _Status, _Handle, c_void_p, _Out)
_declare("mbn_predictor_load", _Status, c_char_p, c_void_p, _Out)
_declare("mbn_predictor_clone", _Status, _Handle, _Out)
_declare("mbn_predictor_destroy", None, _Handle)
_declare("mbn_predictor_run", _Status, _Handle, c_int64, c_void_p, c_size_t, c_void_p, c_size_t)
_declare("mbn_predictor_input_dims", POINTER(c_int64), _Handle)
_declare("mbn_predictor_output_dims", POINTER(c_int64), _Handle)
_declare("mbn_predictor_output_rank", c_int32, _Handle)
_declare("mbn_predictor_label", c_char_p, _Handle, c_size_t)
_declare("mbn_predictor_memory", _Status, _Handle, POINTER(c_int64), POINTER(c_int64))
_declare("mbn_predictor_memory_needed", _Status, _Handle, c_void_p, POINTER(c_int64), POINTER(c_int64))
_declare("mbn_top_k", _Status, _Handle, c_void_p, c_int64, c_int64, POINTER(c_int64), c_void_p, c_void_p)
_declare("mbn_history_epochs", c_int64, _Handle)
_declare("mbn_history_columns", c_int64, _Handle)
_declare("mbn_history_column_name", c_char_p, _Handle, c_int64)
_declare("mbn_history_get", _Status, _Handle, c_char_p, c_int64, POINTER(c_double))
_declare("mbn_history_destroy", None, _Handle)
_declare("mbn_model_save", _Status, _Handle, c_char_p, c_void_p)
_declare("mbn_model_load", _Status, _Handle, c_char_p, _Out)
_declare("mbn_model_save_memory", _Status, _Handle, c_void_p, _Out)
_declare("mbn_model_load_memory", _Status, _Handle, c_void_p, c_size_t, _Out)
_declare("mbn_shapes_create", _Status, _Handle, c_int64, c_int64, c_int64, c_uint64, _Out, _Out)
_declare("mbn_shapes_label", c_char_p, c_int32)
_declare("mbn_cifar10_load", _Status, _Handle, c_char_p, c_int32, _Out, _Out)
_declare("mbn_cifar10_label", c_char_p, c_int32)


def version():
    return _lib.mbn_version_string().decode()


# ---- arrays ----

class _Wrapped:
    """A NumPy array lent to the library: a tensor over the array's memory, for the length of a with statement."""

    def __init__(self, array):
        array = np.asarray(array)
        if array.dtype not in _TYPES:
            raise TypeError(f"array has dtype {array.dtype}; allowed are float32, uint8, int8, int32")
        self.array = np.ascontiguousarray(array)  # the same memory when it is contiguous already
        self.tensor = c_void_p()

    def __enter__(self):
        dims = (c_int64 * self.array.ndim)(*self.array.shape)
        _lib.mbn_tensor_wrap(None, _TYPES[self.array.dtype], self.array.ndim, dims, self.array.ctypes.data,
                             _Release(), None, byref(self.tensor))
        return self.tensor

    def __exit__(self, *failure):
        _lib.mbn_tensor_destroy(self.tensor)
        self.tensor = c_void_p()


def _as_array(tensor):
    """A tensor of the library as an array over the same memory; the tensor goes when the last view of it goes."""
    rank = _lib.mbn_tensor_rank(tensor)
    shape = tuple(_lib.mbn_tensor_dims(tensor)[:rank])
    dtype = _DTYPES[_lib.mbn_tensor_type(tensor)]
    size = _lib.mbn_tensor_bytes(tensor)
    buffer = (ctypes.c_ubyte * size).from_address(_lib.mbn_tensor_data(tensor) or 0) if size else bytearray()
    array = np.frombuffer(buffer, dtype=dtype).reshape(shape)
    if size:
        weakref.finalize(buffer, _lib.mbn_tensor_destroy, tensor)  # every view of the array holds on to the buffer
    else:
        _lib.mbn_tensor_destroy(tensor)
    return array


def shapes(count, height, width, seed=0):
    """Drawn pictures: (u8 [count, height, width, 3], i32 [count])."""
    images, labels = c_void_p(), c_void_p()
    _lib.mbn_shapes_create(None, count, height, width, seed, byref(images), byref(labels))
    return _as_array(images), _as_array(labels)


def shapes_label(label):
    name = _lib.mbn_shapes_label(label)
    return name and name.decode()


def cifar10(directory, test=False):
    """The binary batches of CIFAR-10: (u8 [n, 32, 32, 3], i32 [n])."""
    images, labels = c_void_p(), c_void_p()
    _lib.mbn_cifar10_load(None, os.fsencode(directory), int(test), byref(images), byref(labels))
    return _as_array(images), _as_array(labels)


# ---- callbacks and schedules ----

class Callback:
    """Something that fit tells how it gets on; made by the functions below. One may serve many fits."""

    def __init__(self, create, *arguments):
        self._handle = c_void_p()
        create(None, *arguments, byref(self._handle))
        weakref.finalize(self, _lib.mbn_callback_destroy, self._handle)


def early_stopping(**options):
    """The options are the fields of mbn_early_stopping_options, and so on below."""
    return Callback(_lib.mbn_early_stopping_create, byref(_options(_EarlyStoppingOptions, "early_stopping", options)))


def reduce_on_plateau(**options):
    settings = _options(_ReduceOnPlateauOptions, "reduce_on_plateau", options)
    return Callback(_lib.mbn_reduce_on_plateau_create, byref(settings))


def model_checkpoint(path, **options):
    settings = _options(_ModelCheckpointOptions, "model_checkpoint", dict(options, path=path))
    return Callback(_lib.mbn_model_checkpoint_create, byref(settings))


def csv_logger(path, **options):
    settings = _options(_CsvLoggerOptions, "csv_logger", dict(options, path=path))
    return Callback(_lib.mbn_csv_logger_create, byref(settings))


def terminate_on_nan():
    return Callback(_lib.mbn_terminate_on_nan_create)


class Schedule:
    """A curve of the learning rate; the options are the fields of mbn_schedule_options."""

    def __init__(self, kind, learning_rate, **options):
        self._options = _options(_ScheduleOptions, "schedule", dict(options, kind=kind, learning_rate=learning_rate))

    def rate(self, epoch):
        rate = c_double()
        _lib.mbn_schedule_rate(byref(self._options), epoch, byref(rate))
        return rate.value


# ---- models ----

class Model:
    """A model of the library; made by Model.mobilenet, Model.load or Model.from_bytes."""

    def __init__(self, handle):
        self._handle = handle
        self._finalizer = weakref.finalize(self, _lib.mbn_model_destroy, handle)

    @classmethod
    def mobilenet(cls, **options):
        """MobileNet V1; the options are the fields of mbn_mobilenet_options."""
        handle = c_void_p()
        _lib.mbn_mobilenet_create(None, byref(_options(_MobilenetOptions, "mobilenet", options)), byref(handle))
        return cls(handle)

    @classmethod
    def load(cls, path):
        handle = c_void_p()
        _lib.mbn_model_load(None, os.fsencode(path), byref(handle))
        return cls(handle)

    @classmethod
    def from_bytes(cls, data):
        handle = c_void_p()
        data = bytes(data)
        _lib.mbn_model_load_memory(None, data, len(data), byref(handle))
        return cls(handle)

    @classmethod
    def load_checkpoint(cls, path):
        """A model that is compiled, and whose training goes on where it was saved."""
        handle = c_void_p()
        _lib.mbn_checkpoint_load(None, os.fsencode(path), byref(handle))
        return cls(handle)

    def save_checkpoint(self, path):
        _lib.mbn_checkpoint_save(self._handle, os.fsencode(path))

    def close(self):
        """Releases the model now; without it, the garbage collector does."""
        self._finalizer()
        self._handle = None

    def save(self, path, **options):
        _lib.mbn_model_save(self._handle, os.fsencode(path), byref(_options(_SaveOptions, "save", options)))

    def to_bytes(self, **options):
        out = c_void_p()
        _lib.mbn_model_save_memory(self._handle, byref(_options(_SaveOptions, "save", options)), byref(out))
        return _as_array(out)

    def parameters(self):
        """(all, trainable)"""
        total, trainable = c_int64(), c_int64()
        _lib.mbn_model_parameter_count(self._handle, byref(total), byref(trainable))
        return total.value, trainable.value

    def summary(self):
        needed = c_size_t()
        _lib.mbn_model_summary(self._handle, None, 0, byref(needed))
        text = ctypes.create_string_buffer(needed.value)
        _lib.mbn_model_summary(self._handle, text, needed.value, None)
        return text.value.decode()

    def parameter_names(self):
        count = _lib.mbn_model_parameter_tensors(self._handle)
        return [_lib.mbn_model_parameter_name(self._handle, i).decode() for i in range(count)]

    def __getitem__(self, name):
        out = c_void_p()
        _lib.mbn_model_get_parameter(self._handle, name.encode(), byref(out))
        return _as_array(out)

    def __setitem__(self, name, values):
        with _Wrapped(np.asarray(values, np.float32)) as tensor:
            _lib.mbn_model_set_parameter(self._handle, name.encode(), tensor)

    def set_trainable(self, layer, trainable):
        """layer None: every layer."""
        _lib.mbn_model_set_trainable(self._handle, layer and layer.encode(), int(trainable))

    def replace_head(self, classes, seed=0):
        _lib.mbn_model_replace_head(self._handle, classes, seed)

    def compile(self, **options):
        """The options are the fields of mbn_compile_options."""
        _lib.mbn_compile(self._handle, byref(_options(_CompileOptions, "compile", options)))

    def fit(self, x, y, validation=None, on_batch_end=None, on_epoch_end=None, callbacks=(), schedule=None,
            **options):
        """Trains; returns {column: array with a number per epoch}.

        The functions get a FitEvent and may return True to stop. An exception in one ends fit and comes out here.
        Callbacks are a sequence of Callback, the schedule a Schedule. The other options are the fields of
        mbn_fit_options.
        """
        caught = []

        def callback(function):
            def call(user, model, event):
                try:
                    return 1 if function(event.contents) else 0
                except BaseException as exception:  # must not unwind through C
                    caught.append(exception)
                    return -1
            return _FitCallback(call) if function else _FitCallback()

        settings = _options(_FitOptions, "fit", options)
        settings.on_batch_end = callback(on_batch_end)
        settings.on_epoch_end = callback(on_epoch_end)
        handles = (c_void_p * len(callbacks))(*[each._handle for each in callbacks])
        settings.callbacks, settings.callback_count = ctypes.cast(handles, c_void_p), len(callbacks)
        if schedule:
            settings.schedule = ctypes.addressof(schedule._options)
        history = c_void_p()
        with contextlib.ExitStack() as lent:
            lend = lent.enter_context
            if validation:
                settings.validation_x, settings.validation_y = lend(_Wrapped(validation[0])), lend(_Wrapped(validation[1]))
            try:
                _lib.mbn_fit(self._handle, lend(_Wrapped(x)), lend(_Wrapped(y)), byref(settings), byref(history))
                return _history(history)
            except MobileNetError:
                if caught:
                    raise caught[0] from None
                raise
            finally:
                _lib.mbn_history_destroy(history)

    def evaluate(self, x, y, batch_size=0):
        """(loss, accuracy)"""
        loss, accuracy = c_double(), c_double()
        with _Wrapped(x) as x_tensor, _Wrapped(y) as y_tensor:
            _lib.mbn_evaluate(self._handle, x_tensor, y_tensor, batch_size, byref(loss), byref(accuracy))
        return loss.value, accuracy.value

    def predict(self, x):
        """f32 [n, classes]"""
        out = c_void_p()
        with _Wrapped(x) as tensor:
            _lib.mbn_predict(self._handle, tensor, byref(out))
        return _as_array(out)

    def predictor(self, **options):
        """The model compiled for inference; the options are the fields of mbn_predictor_options."""
        handle, settings = c_void_p(), _options(_PredictorOptions, "predictor", options)
        _lib.mbn_predictor_create(self._handle, byref(settings), byref(handle))
        return Predictor(handle, settings.input_type)

    def predictor_memory(self, **options):
        """(weights, workspace) in bytes of a predictor that is yet to be made."""
        weights, workspace = c_int64(), c_int64()
        settings = _options(_PredictorOptions, "predictor", options)
        _lib.mbn_predictor_memory_needed(self._handle, byref(settings), byref(weights), byref(workspace))
        return weights.value, workspace.value


class Predictor:
    """A compiled model; made by Model.predictor, Predictor.load or clone. One thread at a time runs it."""

    def __init__(self, handle, input_type):
        self._handle = handle
        self._finalizer = weakref.finalize(self, _lib.mbn_predictor_destroy, handle)
        self._dtype = _DTYPES[input_type]
        self.input_shape = tuple(_lib.mbn_predictor_input_dims(handle)[:3])
        rank = _lib.mbn_predictor_output_rank(handle)
        self.output_shape = tuple(_lib.mbn_predictor_output_dims(handle)[:rank])

    @classmethod
    def load(cls, path, **options):
        """From a .mbn file, without the model; the options are the fields of mbn_predictor_options."""
        handle, settings = c_void_p(), _options(_PredictorOptions, "predictor", options)
        _lib.mbn_predictor_load(os.fsencode(path), byref(settings), byref(handle))
        return cls(handle, settings.input_type)

    def clone(self):
        """Another one with the same weights, for another thread."""
        handle = c_void_p()
        _lib.mbn_predictor_clone(self._handle, byref(handle))
        return Predictor(handle, _TYPES[self._dtype])

    def close(self):
        """Releases the predictor now; without it, the garbage collector does."""
        self._finalizer()
        self._handle = None

    def run(self, x, out=None):
        """f32 [n, ...] for pictures [n, ...] of the predictor's type and shape; into `out` when it is given."""
        x = np.asarray(x)
        if x.dtype != self._dtype or x.shape[1:] != self.input_shape:
            raise TypeError(f"pictures are {x.dtype} {x.shape}; the predictor takes {self._dtype} [n, "
                            f"{', '.join(map(str, self.input_shape))}]")
        x = np.ascontiguousarray(x)
        shape = x.shape[:1] + self.output_shape
        if out is None:
            out = np.empty(shape, np.float32)
        elif out.dtype != np.float32 or out.shape != shape or not out.flags.c_contiguous:
            raise TypeError(f"out is {out.dtype} {out.shape}; allowed is contiguous float32 {shape}")
        _lib.mbn_predictor_run(self._handle, len(x), x.ctypes.data, x.nbytes, out.ctypes.data, out.nbytes)
        return out

    def memory(self):
        """(weights, workspace) in bytes; clones share the weights."""
        weights, workspace = c_int64(), c_int64()
        _lib.mbn_predictor_memory(self._handle, byref(weights), byref(workspace))
        return weights.value, workspace.value

    def label(self, index):
        name = _lib.mbn_predictor_label(self._handle, index)
        return name and name.decode()

    def top_k(self, scores, k):
        """The k largest of one answer, largest first: [(index, score, label or None)]."""
        scores = np.ascontiguousarray(scores, np.float32)
        indices = (c_int64 * max(k, 1))()
        _lib.mbn_top_k(self._handle, scores.ctypes.data, scores.size, k, indices, None, None)
        return [(i, float(scores.flat[i]), self.label(i)) for i in indices]


def _history(handle):
    table = {}
    for column in range(_lib.mbn_history_columns(handle)):
        name = _lib.mbn_history_column_name(handle, column)
        numbers = np.empty(_lib.mbn_history_epochs(handle))
        for epoch in range(len(numbers)):
            value = c_double()
            _lib.mbn_history_get(handle, name, epoch, byref(value))
            numbers[epoch] = value.value
        table[name.decode()] = numbers
    return table
