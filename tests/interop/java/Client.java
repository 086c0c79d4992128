import static io.opentelemetry.api.common.AttributeKey.booleanArrayKey;
import static io.opentelemetry.api.common.AttributeKey.booleanKey;
import static io.opentelemetry.api.common.AttributeKey.doubleArrayKey;
import static io.opentelemetry.api.common.AttributeKey.doubleKey;
import static io.opentelemetry.api.common.AttributeKey.longArrayKey;
import static io.opentelemetry.api.common.AttributeKey.longKey;
import static io.opentelemetry.api.common.AttributeKey.stringArrayKey;
import static io.opentelemetry.api.common.AttributeKey.stringKey;
import static io.opentelemetry.api.common.AttributeKey.valueKey;

import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.api.common.KeyValue;
import io.opentelemetry.api.common.Value;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanContext;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.api.trace.TraceFlags;
import io.opentelemetry.api.trace.TraceState;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.api.trace.propagation.W3CTraceContextPropagator;
import io.opentelemetry.context.Context;
import io.opentelemetry.context.propagation.TextMapGetter;
import io.opentelemetry.sdk.OpenTelemetrySdk;
import io.opentelemetry.sdk.autoconfigure.AutoConfiguredOpenTelemetrySdk;
import io.opentelemetry.sdk.common.CompletableResultCode;
import io.opentelemetry.sdk.trace.data.SpanData;
import io.opentelemetry.sdk.trace.export.SpanExporter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

/** Sends the trace of ../expectation.rs by OpenTelemetry's SDK for Java. */
public final class Client {
  private final Tracer tracer;

  private Client(Tracer tracer) {
    this.tracer = tracer;
  }

  public static void main(String[] arguments) {
    AtomicBoolean exported = new AtomicBoolean();
    // Takes everything from the variables, the batch processor included.
    OpenTelemetrySdk sdk =
        AutoConfiguredOpenTelemetrySdk.builder()
            .addPropertiesSupplier(
                () -> Map.of("otel.metrics.exporter", "none", "otel.logs.exporter", "none"))
            .addSpanExporterCustomizer((exporter, config) -> new Watched(exporter, exported))
            .build()
            .getOpenTelemetrySdk();
    Tracer tracer =
        sdk.tracerBuilder("checkout-scope").setInstrumentationVersion("1.2.3").build();
    String traceId = new Client(tracer).checkout();
    sdk.shutdown().join(30, TimeUnit.SECONDS);
    if (!exported.get()) {
      System.exit(1);
    }
    System.out.println(traceId);
  }

  /** The trace; returns its id. */
  private String checkout() {
    Span span =
        tracer
            .spanBuilder("checkout")
            .setSpanKind(SpanKind.SERVER)
            .setParent(parent())
            .setAttribute("text", "naïve 渲染")
            .setAttribute("yes", true)
            .setAttribute("big", 9007199254740993L)
            .setAttribute("negative", -7)
            .setAttribute("ratio", 1.5)
            .setAttribute("nan", Double.NaN)
            .setAttribute(stringArrayKey("texts"), List.of("a", "ü"))
            .setAttribute(booleanArrayKey("truths"), List.of(true, false))
            .setAttribute(longArrayKey("counts"), List.of(1L, -2L))
            .setAttribute(doubleArrayKey("ratios"), List.of(0.5, 2.25))
            .setAttribute(stringArrayKey("empty"), List.of())
            .setAttribute(valueKey("bytes"), Value.of(new byte[] {0, (byte) 0xff, (byte) 0xfe}))
            .setAttribute(
                valueKey("map"),
                Value.of(
                    KeyValue.of("k", Value.of("v")),
                    KeyValue.of("n", Value.of(1)),
                    KeyValue.of(
                        "inner",
                        Value.of(
                            KeyValue.of("deep", Value.of(Value.of(true), Value.of("x")))))))
            .setAttribute(valueKey("null"), Value.empty())
            .setAttribute("gen_ai.agent.name", "caramel")
            .setAttribute("password", "hunter2")
            .setAttribute("livespan.task_id", "order-42")
            .startSpan();
    try (var scope = span.makeCurrent()) {
      chargeCard();
    } finally {
      span.end();
    }
    return span.getSpanContext().getTraceId();
  }

  private void chargeCard() {
    SpanContext firstTry =
        SpanContext.createFromRemoteParent(
            "0102030405060708090a0b0c0d0e0f10",
            "0102030405060708",
            TraceFlags.getSampled(),
            TraceState.builder().put("vendor", "1").build());
    Span span =
        tracer
            .spanBuilder("charge card")
            .setSpanKind(SpanKind.CLIENT)
            .setAttribute("http.request.resend_count", 1)
            .addLink(firstTry, Attributes.of(stringKey("why"), "first try"))
            .startSpan();
    try (var scope = span.makeCurrent()) {
      span.addEvent(
          "authorized", Attributes.of(doubleKey("amount"), 12.5, stringKey("currency"), "EUR"));
      readReceipt();
      span.addEvent("captured", Attributes.of(longKey("parts"), 2L, booleanKey("final"), true));
      span.setStatus(StatusCode.OK);
    } finally {
      span.end();
    }
  }

  private void readReceipt() {
    Span span = tracer.spanBuilder("read receipt").startSpan();
    try {
      Files.readString(Path.of("/nowhere/receipt.txt"));
    } catch (IOException error) {
      span.recordException(error);
      span.setStatus(StatusCode.ERROR);
    } finally {
      span.end();
    }
  }

  /** The span that started this process, where there is one. */
  private static Context parent() {
    return W3CTraceContextPropagator.getInstance()
        .extract(
            Context.root(),
            System.getenv(),
            new TextMapGetter<Map<String, String>>() {
              @Override
              public Iterable<String> keys(Map<String, String> variables) {
                return variables.keySet();
              }

              @Override
              public String get(Map<String, String> variables, String key) {
                return variables.get(key.toUpperCase());
              }
            });
  }

  /** Remembers a success; the batch processor only logs failures. */
  private record Watched(SpanExporter inner, AtomicBoolean exported) implements SpanExporter {
    @Override
    public CompletableResultCode export(Collection<SpanData> spans) {
      CompletableResultCode result = inner.export(spans);
      return result.whenComplete(() -> exported.set(result.isSuccess()));
    }

    @Override
    public CompletableResultCode flush() {
      return inner.flush();
    }

    @Override
    public CompletableResultCode shutdown() {
      return inner.shutdown();
    }
  }
}
