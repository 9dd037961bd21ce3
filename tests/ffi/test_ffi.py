#!/usr/bin/env python3
"""The library through ctypes and NumPy, as examples/python/mobilenet.py drives it: arrays without a copy, callbacks,
errors with their sentence, lifetimes. Run by tests/ffi/run.sh."""
import ctypes
import gc
import os
import re
import tempfile
import threading
import unittest
import weakref

import numpy as np

import mobilenet as mbn

HEADERS = os.path.join(os.path.dirname(__file__), "..", "..", "include", "mobilenet")


def small_model(**options):
    settings = dict(height=32, width=32, classes=10, alpha=0.25, shallow=1, seed=3)
    settings.update(options)
    return mbn.Model.mobilenet(**settings)


def trainable_model(**options):
    model = small_model(**options)
    model.compile(optimizer=mbn.OPTIMIZER_ADAM)
    return model


class Structs(unittest.TestCase):
    """The mirrored structs against the headers: same fields in the same order, and the size that C gives them."""

    def fields_in_header(self, name):
        for header in os.listdir(HEADERS):
            with open(os.path.join(HEADERS, header), encoding="utf-8") as file:
                text = re.sub(r"/\*.*?\*/", "", file.read(), flags=re.S)
            found = re.search(r"struct %s \{(.*?)\}( %s)?;" % (name, name), text, re.S)
            if found:
                return [re.search(r"(\w+)(\[\w+\])?$", line.strip()).group(1)
                        for line in found.group(1).split(";") if line.strip()]
        self.fail(f"no header has {name}")

    def test_fields_are_those_of_the_headers(self):
        for struct, name in ((mbn._MobilenetOptions, "mbn_mobilenet_options"),
                             (mbn._CompileOptions, "mbn_compile_options"), (mbn._FitOptions, "mbn_fit_options"),
                             (mbn._SaveOptions, "mbn_save_options"),
                             (mbn._ScheduleOptions, "mbn_schedule_options"),
                             (mbn._EarlyStoppingOptions, "mbn_early_stopping_options"),
                             (mbn._ReduceOnPlateauOptions, "mbn_reduce_on_plateau_options"),
                             (mbn._ModelCheckpointOptions, "mbn_model_checkpoint_options"),
                             (mbn._CsvLoggerOptions, "mbn_csv_logger_options"),
                             (mbn._PredictorOptions, "mbn_predictor_options"), (mbn.FitEvent, "mbn_fit_event")):
            self.assertEqual([field[0] for field in struct._fields_], self.fields_in_header(name), name)

    def test_structs_have_no_hidden_padding(self):
        for struct in (mbn._MobilenetOptions, mbn._CompileOptions, mbn._FitOptions, mbn._SaveOptions,
                       mbn._PredictorOptions, mbn.FitEvent, mbn._ScheduleOptions, mbn._EarlyStoppingOptions,
                       mbn._ReduceOnPlateauOptions, mbn._ModelCheckpointOptions, mbn._CsvLoggerOptions):
            self.assertEqual(sum(ctypes.sizeof(field[1]) for field in struct._fields_), ctypes.sizeof(struct))

    def test_unknown_option_is_refused(self):
        with self.assertRaisesRegex(TypeError, "aplha"):
            small_model(aplha=0.5)


class Arrays(unittest.TestCase):
    def test_drawn_pictures_arrive_as_arrays(self):
        x, y = mbn.shapes(30, 16, 24, seed=5)
        self.assertEqual((x.shape, x.dtype, y.shape, y.dtype), ((30, 16, 24, 3), np.uint8, (30,), np.int32))
        self.assertEqual(sorted(np.bincount(y, minlength=10)), [3] * 10)
        again, _ = mbn.shapes(30, 16, 24, seed=5)
        other, _ = mbn.shapes(30, 16, 24, seed=6)
        self.assertTrue((x == again).all())
        self.assertFalse((x == other).all())

    def test_no_pictures_are_an_empty_array(self):
        x, y = mbn.shapes(0, 16, 16)
        self.assertEqual((x.shape, y.shape), ((0, 16, 16, 3), (0,)))

    def test_library_reads_the_array_itself(self):
        array = np.zeros((2, 3), np.float32)
        with mbn._Wrapped(array) as tensor:
            self.assertEqual(mbn._lib.mbn_tensor_data(tensor), array.ctypes.data)

    def test_result_lives_as_long_as_any_view_of_it(self):
        x, _ = mbn.shapes(4, 16, 16, seed=1)
        copy = x[1:, 2:].copy()
        view = x[1:, 2:]
        buffer = weakref.ref(_owner(x))
        del x
        gc.collect()
        self.assertIsNotNone(buffer())
        self.assertTrue((view == copy).all())
        del view
        gc.collect()
        self.assertIsNone(buffer())

    def test_array_that_is_not_contiguous_is_accepted(self):
        model = small_model()
        x, _ = mbn.shapes(6, 32, 32, seed=1)
        self.assertTrue((model.predict(x[::2]) == model.predict(x[::2].copy())).all())

    def test_unfit_dtype_is_refused(self):
        with self.assertRaisesRegex(TypeError, "float64"):
            small_model().predict(np.zeros((1, 32, 32, 3)))


def _owner(array):
    while isinstance(array, np.ndarray):
        array = array.base
    return array.obj if isinstance(array, memoryview) else array


class Training(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.x, cls.y = mbn.shapes(160, 32, 32, seed=2)

    def test_two_epochs_with_progress(self):
        batches, epochs = [], []
        model = trainable_model()
        before = model["conv1/kernel"].copy()
        history = model.fit(self.x, self.y, epochs=2, batch_size=32, validation_split=0.2,
                            on_batch_end=lambda event: batches.append((event.epoch, event.batch, event.samples)),
                            on_epoch_end=lambda event: epochs.append((event.epoch, event.loss, event.val_accuracy)))
        self.assertEqual(batches, [(e, b, 32 * (b + 1)) for e in range(2) for b in range(4)])
        self.assertEqual([epoch for epoch, _, _ in epochs], [0, 1])
        self.assertEqual([loss for _, loss, _ in epochs], list(history["loss"]))
        self.assertEqual([accuracy for _, _, accuracy in epochs], list(history["val_acc"]))
        self.assertLess(history["loss"][1], history["loss"][0])
        self.assertFalse((before == model["conv1/kernel"]).all())

    def test_same_seed_same_weights(self):
        weights = []
        for _ in range(2):
            model = trainable_model()
            model.fit(self.x, self.y, batch_size=32, seed=9)
            weights.append(model["conv_pw_1/kernel"])
        self.assertTrue((weights[0] == weights[1]).all())

    def test_float_pictures_and_soft_targets(self):
        pictures = self.x.astype(np.float32) / np.float32(127.5) - np.float32(1)
        targets = np.eye(10, dtype=np.float32)[self.y]
        ids, soft = trainable_model(), trainable_model()
        first = ids.fit(self.x, self.y, batch_size=32)
        second = soft.fit(pictures, targets, batch_size=32)
        self.assertAlmostEqual(first["loss"][0], second["loss"][0], places=3)

    def test_callback_stops_training(self):
        seen = []
        history = trainable_model().fit(self.x, self.y, epochs=5, batch_size=80,
                                        on_epoch_end=lambda event: seen.append(event.epoch) or event.epoch == 1)
        self.assertEqual((seen, len(history["loss"])), ([0, 1], 2))

    def test_a_training_goes_on_from_its_checkpoint_with_its_callbacks(self):
        def callbacks(folder):
            return [mbn.early_stopping(monitor="loss", patience=1, min_delta=100.0, restore_best=1),
                    mbn.model_checkpoint(os.path.join(folder, "{epoch}.mbn"), keep_last=2),
                    mbn.csv_logger(os.path.join(folder, "log.csv"))]
        with tempfile.TemporaryDirectory() as folder:
            whole = trainable_model()
            history = whole.fit(self.x, self.y, epochs=5, batch_size=80, callbacks=callbacks(folder))
            self.assertEqual(len(history["loss"]), 2)  # the second is no better by 100
            self.assertEqual(sorted(os.listdir(folder)), ["1.mbn", "2.mbn", "log.csv"])
            with open(os.path.join(folder, "log.csv"), encoding="utf-8") as log:
                self.assertEqual([line.split(",")[0] for line in log], ["epoch", "1", "2"])
            resumed = mbn.Model.load_checkpoint(os.path.join(folder, "1.mbn"))
            resumed.fit(self.x, self.y, epochs=4, batch_size=80, callbacks=callbacks(folder))
            for name in whole.parameter_names():
                self.assertTrue((whole[name] == resumed[name]).all(), name)
        with self.assertRaisesRegex(mbn.MobileNetError, "monitor is 'val_loss'; this call of fit has loss, acc"):
            whole.fit(self.x, self.y, callbacks=[mbn.early_stopping()])

    def test_a_schedule_sets_the_rate_of_each_batch(self):
        schedule = mbn.Schedule(mbn.SCHEDULE_COSINE, 0.01, epochs=2, warmup_epochs=0.5)
        rates = []
        trainable_model().fit(self.x, self.y, epochs=2, batch_size=80, schedule=schedule,
                              on_batch_end=lambda event: rates.append(event.learning_rate))
        batches = len(rates) // 2
        self.assertEqual(rates, [schedule.rate(i / batches) for i in range(2 * batches)])

    def test_exception_in_a_callback_comes_out_of_fit(self):
        model = trainable_model()
        with self.assertRaises(ZeroDivisionError):
            model.fit(self.x, self.y, batch_size=80, on_batch_end=lambda event: 1 // 0)
        model.fit(self.x, self.y, batch_size=80)  # the model is still of use

    def test_callback_may_predict_and_save(self):
        model = trainable_model()
        answers = []
        model.fit(self.x, self.y, batch_size=80,
                  on_epoch_end=lambda event: answers.append((model.predict(self.x[:3]), model.to_bytes().size)) and False)
        self.assertEqual(answers[0][0].shape, (3, 10))
        self.assertGreater(answers[0][1], 1000)

    def test_evaluate_agrees_with_predict(self):
        model = trainable_model()
        model.fit(self.x, self.y, batch_size=32)
        loss, accuracy = model.evaluate(self.x, self.y)
        probabilities = model.predict(self.x)
        self.assertAlmostEqual(accuracy, (probabilities.argmax(1) == self.y).mean(), places=9)
        expected = -np.log(probabilities[np.arange(len(self.y)), self.y].astype(np.float64)).mean()
        self.assertAlmostEqual(loss, expected, places=4)


class Models(unittest.TestCase):
    def test_known_numbers_of_parameters(self):
        self.assertEqual(mbn.Model.mobilenet(height=32, width=32, classes=10).parameters()[0], 3_239_114)
        self.assertIn("3,239,114", mbn.Model.mobilenet(height=32, width=32, classes=10).summary())

    def test_parameters_can_be_read_and_set(self):
        model = small_model()
        self.assertIn("conv1/kernel", model.parameter_names())
        kernel = model["conv1/kernel"]
        self.assertEqual(kernel.shape, (3, 3, 3, 8))
        model["conv1/kernel"] = kernel * 2
        self.assertTrue((model["conv1/kernel"] == kernel * 2).all())

    def test_saved_model_answers_the_same(self):
        model = small_model()
        x, _ = mbn.shapes(5, 32, 32, seed=1)
        expected = model.predict(x)
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "a model.mbn")
            model.save(path)
            self.assertTrue((mbn.Model.load(path).predict(x) == expected).all())
        self.assertTrue((mbn.Model.from_bytes(model.to_bytes()).predict(x) == expected).all())

    def test_one_model_predicts_from_several_threads(self):
        model = small_model()
        x, _ = mbn.shapes(40, 32, 32, seed=1)
        expected = model.predict(x)
        answers = [None] * 4

        def work(i):
            answers[i] = model.predict(x)

        threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for answer in answers:
            self.assertTrue((answer == expected).all())


class Predictors(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.model = small_model()
        cls.x, _ = mbn.shapes(6, 32, 32, seed=4)
        cls.expected = cls.model.predict(cls.x)

    def test_answers_are_those_of_predict(self):
        predictor = self.model.predictor(max_batch=6, input_type=mbn.U8)
        self.assertEqual((predictor.input_shape, predictor.output_shape), ((32, 32, 3), (10,)))
        self.assertTrue((predictor.run(self.x) == self.expected).all())
        self.assertTrue((predictor.run(self.x[1:3]) == self.expected[1:3]).all())
        out = np.zeros((6, 10), np.float32)
        self.assertIs(predictor.run(self.x, out), out)
        self.assertTrue((out == self.expected).all())

    def test_layouts_precisions_and_outputs(self):
        planes = self.model.predictor(max_batch=6, input_type=mbn.U8, layout=mbn.LAYOUT_NCHW)
        self.assertTrue((planes.run(self.x.transpose(0, 3, 1, 2)) == self.expected).all())
        half = self.model.predictor(max_batch=6, input_type=mbn.U8, precision=mbn.PRECISION_BF16)
        self.assertLess(abs(half.run(self.x) - self.expected).max(), 1e-2)
        logits = self.model.predictor(max_batch=6, input_type=mbn.U8, output=mbn.OUTPUT_LOGITS).run(self.x)
        shares = np.exp(logits - logits.max(1, keepdims=True))
        self.assertLess(abs(shares / shares.sum(1, keepdims=True) - self.expected).max(), 1e-5)
        self.assertEqual(np.prod(self.model.predictor(output=mbn.OUTPUT_EMBEDDING).output_shape), 256)

    def test_loaded_and_cloned_predictors_answer_the_same(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "model.mbn")
            self.model.save(path)
            loaded = mbn.Predictor.load(path, max_batch=6, input_type=mbn.U8)
        clone = loaded.clone()
        self.assertTrue((loaded.run(self.x) == self.expected).all())
        loaded.close()
        self.assertTrue((clone.run(self.x) == self.expected).all())
        with self.assertRaises(mbn.MobileNetError):
            mbn.Predictor.load("/nowhere/model.mbn")

    def test_clones_run_side_by_side(self):
        first = self.model.predictor(max_batch=6, input_type=mbn.U8, threads=1)
        clones, answers = [first.clone() for _ in range(4)], [None] * 4

        def work(i):
            answers[i] = clones[i].run(self.x)

        threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for answer in answers:
            self.assertTrue((answer == self.expected).all())

    def test_memory_is_told_before_and_after(self):
        settings = dict(max_batch=3, precision=mbn.PRECISION_BF16)
        needed = self.model.predictor_memory(**settings)
        self.assertEqual(self.model.predictor(**settings).memory(), needed)
        self.assertLess(needed[0], self.model.predictor().memory()[0])

    def test_largest_scores(self):
        predictor = self.model.predictor(max_batch=6, input_type=mbn.U8)
        row = predictor.run(self.x)[0]
        best = predictor.top_k(row, 3)
        self.assertEqual([index for index, _, _ in best], list(np.argsort(-row, kind="stable")[:3]))
        self.assertEqual([score for _, score, _ in best], [float(row[index]) for index, _, _ in best])
        self.assertEqual({label for _, _, label in best}, {None})
        with self.assertRaisesRegex(mbn.MobileNetError, "argument k is 11"):
            predictor.top_k(row, 11)

    def test_unfit_pictures_are_refused(self):
        predictor = self.model.predictor(input_type=mbn.U8)
        with self.assertRaisesRegex(mbn.MobileNetError, "argument n is 6"):
            predictor.run(self.x)
        with self.assertRaisesRegex(TypeError, "float32"):
            predictor.run(self.x[:1].astype(np.float32))
        with self.assertRaisesRegex(TypeError, "31"):
            predictor.run(self.x[:1, 1:])
        with self.assertRaisesRegex(TypeError, "out is"):
            predictor.run(self.x[:1], np.zeros((2, 10), np.float32))
        predictor.close()
        with self.assertRaisesRegex(mbn.MobileNetError, "predictor is NULL"):
            predictor.run(self.x[:1])


class Errors(unittest.TestCase):
    def fails(self, status, *words):
        test = self

        class Context:
            def __enter__(self):
                return self

            def __exit__(self, kind, error, trace):
                test.assertTrue(kind and issubclass(kind, mbn.MobileNetError), f"raised {kind}")
                test.assertEqual(error.status, status)
                for word in words:
                    test.assertIn(word, str(error))
                return True

        return Context()

    def test_argument_and_value_are_named(self):
        with self.fails("MBN_ERR_ARGUMENT", "mbn_mobilenet_create", "alpha", "-1"):
            small_model(alpha=-1)
        with self.fails("MBN_ERR_ARGUMENT", "mbn_fit", "batch_size", "-3"):
            trainable_model().fit(np.zeros((2, 32, 32, 3), np.uint8), np.zeros(2, np.int32), batch_size=-3)

    def test_wrong_data(self):
        x, y = mbn.shapes(8, 32, 32)
        model = trainable_model()
        with self.fails("MBN_ERR_ARGUMENT", "argument y", "0 to 9"):
            model.fit(x, y + 10)
        with self.fails("MBN_ERR_SHAPE"):
            model.fit(x, y[:5])
        with self.fails("MBN_ERR_SHAPE"):
            model.predict(x[:, :31])
        with self.fails("MBN_ERR_TYPE"):
            model.predict(x.astype(np.int32))

    def test_not_compiled(self):
        x, y = mbn.shapes(8, 32, 32)
        with self.fails("MBN_ERR_STATE", "compile"):
            small_model().fit(x, y)

    def test_file_that_is_not_there(self):
        with self.fails("MBN_ERR_IO", "/nowhere/model.mbn"):
            mbn.Model.load("/nowhere/model.mbn")

    def test_damaged_file(self):
        data = small_model().to_bytes().copy()
        data[len(data) // 2] ^= 1
        with self.fails("MBN_ERR_FORMAT"):
            mbn.Model.from_bytes(data)
        with self.fails("MBN_ERR_FORMAT"):
            mbn.Model.from_bytes(data[:100])

    def test_closed_model(self):
        model = small_model()
        model.close()
        with self.fails("MBN_ERR_ARGUMENT", "model"):
            model.predict(np.zeros((1, 32, 32, 3), np.uint8))


if __name__ == "__main__":
    unittest.main()
