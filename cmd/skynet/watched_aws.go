package main

import (
	"context"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go/middleware"

	"skynet/dashboard/metrics"
	"skynet/dashboard/traces"
)

// aws has every call of a client counted, and noted where it belongs to a tick. It is
// for the APIOptions of a configuration.
func (o *lookout) aws() []func(*middleware.Stack) error {
	if o == nil {
		return nil
	}
	calls := o.metrics.Calls
	return []func(*middleware.Stack) error{func(stack *middleware.Stack) error {
		if err := stack.Initialize.Add(countCalls(calls), middleware.After); err != nil {
			return err
		}
		// Before all else of this step: it sees each attempt with the error that came of it.
		return stack.Deserialize.Add(countThrottles(calls), middleware.Before)
	}}
}

// countCalls counts a call as its caller sees it, with its retries.
func countCalls(calls *metrics.Calls) middleware.InitializeMiddleware {
	return middleware.InitializeMiddlewareFunc("skynet:calls", func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (
		middleware.InitializeOutput, middleware.Metadata, error,
	) {
		system, name := operationOf(ctx)
		begun := time.Now()
		below, end := traces.Below(ctx, system+" "+name)
		out, meta, err := next.HandleInitialize(below, in)
		end(err)
		if ctx.Err() != context.Canceled { // else nobody wants to know any more
			calls.Done(system, name, time.Since(begun), err)
		}
		return out, meta, err
	})
}

// countThrottles counts the attempts that were turned away because there were too many.
func countThrottles(calls *metrics.Calls) middleware.DeserializeMiddleware {
	throttled := retry.ThrottleErrorCode{Codes: retry.DefaultThrottleErrorCodes}
	return middleware.DeserializeMiddlewareFunc("skynet:throttles", func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (
		middleware.DeserializeOutput, middleware.Metadata, error,
	) {
		out, meta, err := next.HandleDeserialize(ctx, in)
		if throttled.IsErrorThrottle(err) == aws.TrueTernary {
			calls.Throttled(operationOf(ctx))
		}
		return out, meta, err
	})
}

// operationOf is the service and the operation, as AWS names them.
func operationOf(ctx context.Context) (system, name string) {
	return strings.ToLower(strings.ReplaceAll(awsmiddleware.GetServiceID(ctx), " ", "")), awsmiddleware.GetOperationName(ctx)
}
