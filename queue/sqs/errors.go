package sqs

import (
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"

	"skynet/queue"
)

// plain puts what SQS says into an operator's words. The SDK's error stays
// wrapped in it.
func plain(err error) error {
	switch code := codeOf(err); {
	case err == nil:
		return nil
	case gone(err, code):
		return fmt.Errorf("%w: %w", queue.ErrGone, err)
	case missing(err, code):
		return fmt.Errorf("there is no such queue, or its account does not let us see it; create it or correct the URL: %w", err)
	case denied(code):
		return fmt.Errorf("the role may not do that; allow the action on this queue in its policy: %w", err)
	case strings.HasPrefix(code, "KMS.") || strings.HasPrefix(code, "Kms"):
		return fmt.Errorf("the key that encrypts the queue cannot be used; the role needs kms:Decrypt to receive, and kms:GenerateDataKey too to send, and the key must be enabled: %w", err)
	case code == "OverLimit":
		return fmt.Errorf("the queue has as many items in flight as SQS allows (120,000): %w", err)
	}
	return err
}

// codeOf is the code of an error of the service, "" if it is none.
func codeOf(err error) string {
	if e, ok := errors.AsType[smithy.APIError](err); ok {
		return e.ErrorCode()
	}
	return ""
}

// gone reports that a receipt handle is good for nothing any more. A handle that
// ran out on a FIFO queue, and a hold beyond 12 hours, have no code of their own.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html
func gone(err error, code string) bool {
	if _, ok := errors.AsType[*types.MessageNotInflight](err); ok {
		return true
	}
	if _, ok := errors.AsType[*types.ReceiptHandleIsInvalid](err); ok {
		return true
	}
	return code == "InvalidParameterValue" && expired(err.Error())
}

func expired(said string) bool {
	return strings.Contains(said, "receipt handle has expired") || strings.Contains(said, "VisibilityTimeout for the message is beyond the limit")
}

func missing(err error, code string) bool {
	_, ok := errors.AsType[*types.QueueDoesNotExist](err)
	return ok || code == "AWS.SimpleQueueService.NonExistentQueue"
}

func denied(code string) bool {
	return strings.HasPrefix(code, "AccessDenied") || code == "UnauthorizedOperation" || code == "InvalidSecurity"
}
