// Sends the trace of ../expectation.rs by OpenTelemetry's SDK for Go.
package main

import (
	"context"
	"fmt"
	"log"
	"math"
	"os"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// exporter is the one that the protocol asks for; it reads all else itself.
func exporter(ctx context.Context) (*otlptrace.Exporter, error) {
	if os.Getenv("OTEL_EXPORTER_OTLP_PROTOCOL") == "grpc" {
		return otlptracegrpc.New(ctx)
	}
	return otlptracehttp.New(ctx)
}

// checkout is the trace; it returns its id.
func checkout(ctx context.Context, tracer trace.Tracer) trace.TraceID {
	ctx, span := tracer.Start(ctx, "checkout", trace.WithSpanKind(trace.SpanKindServer))
	defer span.End()
	span.SetAttributes(
		attribute.String("text", "naïve 渲染"),
		attribute.Bool("yes", true),
		attribute.Int64("big", 9007199254740993),
		attribute.Int("negative", -7),
		attribute.Float64("ratio", 1.5),
		attribute.Float64("nan", math.NaN()),
		attribute.StringSlice("texts", []string{"a", "ü"}),
		attribute.BoolSlice("truths", []bool{true, false}),
		attribute.IntSlice("counts", []int{1, -2}),
		attribute.Float64Slice("ratios", []float64{0.5, 2.25}),
		attribute.StringSlice("empty", nil),
		attribute.ByteSlice("bytes", []byte{0, 0xff, 0xfe}),
		attribute.Map("map",
			attribute.String("k", "v"),
			attribute.Int("n", 1),
			attribute.Map("inner", attribute.Slice("deep",
				attribute.BoolValue(true), attribute.StringValue("x"))),
		),
		attribute.KeyValue{Key: "null"},
		attribute.String("gen_ai.agent.name", "caramel"),
		attribute.String("password", "hunter2"),
		attribute.String("livespan.task_id", "order-42"),
	)
	chargeCard(ctx, tracer)
	return span.SpanContext().TraceID()
}

func chargeCard(ctx context.Context, tracer trace.Tracer) {
	state, _ := trace.ParseTraceState("vendor=1")
	firstTry := trace.Link{
		SpanContext: trace.NewSpanContext(trace.SpanContextConfig{
			TraceID:    trace.TraceID{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16},
			SpanID:     trace.SpanID{1, 2, 3, 4, 5, 6, 7, 8},
			TraceFlags: trace.FlagsSampled,
			TraceState: state,
		}),
		Attributes: []attribute.KeyValue{attribute.String("why", "first try")},
	}
	ctx, span := tracer.Start(ctx, "charge card",
		trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(attribute.Int("http.request.resend_count", 1)),
		trace.WithLinks(firstTry))
	defer span.End()
	span.AddEvent("authorized", trace.WithAttributes(
		attribute.Float64("amount", 12.5), attribute.String("currency", "EUR")))
	readReceipt(ctx, tracer)
	span.AddEvent("captured", trace.WithAttributes(
		attribute.Int("parts", 2), attribute.Bool("final", true)))
	span.SetStatus(codes.Ok, "")
}

func readReceipt(ctx context.Context, tracer trace.Tracer) {
	_, span := tracer.Start(ctx, "read receipt")
	defer span.End()
	if _, err := os.Open("/nowhere/receipt.txt"); err != nil {
		span.RecordError(err, trace.WithStackTrace(true))
		span.SetStatus(codes.Error, err.Error())
	}
}

func main() {
	// The batch processor hands its failures to this.
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Fatal(err) }))
	ctx := context.Background()
	exporter, err := exporter(ctx)
	if err != nil {
		log.Fatal(err)
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter))
	otel.SetTracerProvider(provider)
	tracer := otel.Tracer("checkout-scope",
		trace.WithInstrumentationVersion("1.2.3"),
		trace.WithInstrumentationAttributes(attribute.String("team", "payments")))

	parent := propagation.MapCarrier{"traceparent": os.Getenv("TRACEPARENT")}
	id := checkout(propagation.TraceContext{}.Extract(ctx, parent), tracer)
	if err := provider.Shutdown(ctx); err != nil {
		log.Fatal(err)
	}
	fmt.Println(id)
}
