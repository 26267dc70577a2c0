import { useEffect, useRef, useState } from 'preact/hooks';
import type { Point } from '../map/scene.js';
import { checkDraft, type Draft, emptyDraft, type Field, placeOf, placeText } from './plan.js';
import type { Failure, Service } from './service.js';
import type { Texts } from './texts.js';

/** Lets the dispatcher choose a place or a truck on the map. */
export interface Picker {
  readonly place: (onPick: (point: Point) => void) => void;
  readonly truck: (onPick: (truckId: string) => void) => void;
}

/** The places of a form or delivery on the map. */
export interface Pins {
  readonly origin: Point | null;
  readonly destination: Point | null;
}

interface Props {
  readonly truckId: string;
  readonly truckIds: readonly string[];
  readonly service: Service;
  readonly t: Texts;
  /** Null without a map. */
  readonly picker: Picker | null;
  readonly onPins: (pins: Pins) => void;
  readonly onCreated: (deliveryId: string, truckId: string) => void;
  readonly onClose: () => void;
}

/** The form for a new delivery. Places and truck are typed, or chosen on the map. */
export function CreateForm(props: Props) {
  const { truckIds, service, t, picker, onPins, onCreated, onClose } = props;
  const heading = useRef<HTMLHeadingElement>(null);
  const [draft, setDraft] = useState<Draft>(() => emptyDraft(props.truckId, Math.random));
  const [isSubmitted, setIsSubmitted] = useState(false);
  const [isBusy, setIsBusy] = useState(false);
  const [outcome, setOutcome] = useState<Failure | 'exists' | null>(null);
  // The id of the last attempt, if it got no response and may have created the delivery.
  const unconfirmed = useRef<string | null>(null);
  const result = checkDraft(draft);
  const problems = isSubmitted && 'problems' in result ? result.problems : {};

  useEffect(() => heading.current?.focus(), []);
  useEffect(() => {
    onPins({ origin: placeOf(draft.origin), destination: placeOf(draft.destination) });
  }, [draft.origin, draft.destination]);

  const set = (field: Field, value: string) =>
    setDraft((before) => ({ ...before, [field]: value }));
  const submit = async (event: Event) => {
    event.preventDefault();
    setIsSubmitted(true);
    if ('problems' in result) {
      const [first] = Object.keys(result.problems);
      document.getElementById(`new-${first}`)?.focus();
      return;
    }
    const { deliveryId, plan } = result;
    setIsBusy(true);
    const failure = await service.create(deliveryId, plan, unconfirmed.current === deliveryId);
    setIsBusy(false);
    unconfirmed.current = failure === 'unavailable' ? deliveryId : null;
    setOutcome(failure);
    if (failure === null) onCreated(deliveryId, plan.truck_id);
  };
  const input = (field: Field, attributes: Record<string, string> = {}) => {
    const problem = problems[field];
    return (
      <div class="field">
        <label>
          {t.field[field]}
          <input
            type="text"
            id={`new-${field}`}
            autocomplete="off"
            spellcheck={false}
            {...attributes}
            value={draft[field]}
            aria-invalid={problem !== undefined}
            aria-describedby={problem && `problem-${field}`}
            onInput={(event) => set(field, event.currentTarget.value)}
          />
        </label>
        {problem && (
          <span class="problem" id={`problem-${field}`}>
            {t.fieldProblem[problem]}
          </span>
        )}
      </div>
    );
  };
  const choose = (field: 'origin' | 'destination' | 'truckId') => {
    if (field === 'truckId') picker?.truck((id) => set(field, id));
    else picker?.place((point) => set(field, placeText(point)));
  };
  const chooser = (field: 'origin' | 'destination' | 'truckId') =>
    picker && (
      <button
        type="button"
        aria-label={t.chooseOnMap(t.field[field])}
        onClick={() => choose(field)}
      >
        {t.onMap}
      </button>
    );
  return (
    <section class="detail create" aria-label={t.newDelivery}>
      <h2 ref={heading} tabIndex={-1}>
        {t.newDelivery}
      </h2>
      <form onSubmit={submit} noValidate class="actions">
        {input('deliveryId')}
        {input('customerId')}
        <div class="with-chooser">
          {input('truckId', { list: 'trucks-to-choose' })}
          {chooser('truckId')}
        </div>
        <datalist id="trucks-to-choose">
          {truckIds.map((id) => (
            <option key={id} value={id} />
          ))}
        </datalist>
        {(['origin', 'destination'] as const).map((field) => (
          <fieldset key={field}>
            <legend>{t.placeLegend[field]}</legend>
            <div class="with-chooser">
              {input(field, { placeholder: '41.88000, -87.63000' })}
              {chooser(field)}
            </div>
            {input(`${field}Name`, { maxlength: '200' })}
          </fieldset>
        ))}
        <fieldset>
          <legend>{t.windowLegend}</legend>
          {input('windowStart', { type: 'datetime-local' })}
          {input('windowEnd', { type: 'datetime-local' })}
        </fieldset>
        <p role="status" aria-live="polite">
          {outcome && (outcome === 'exists' ? t.exists : t.failure[outcome])}
        </p>
        <p class="buttons">
          <button type="submit" class="primary" disabled={isBusy}>
            {t.create}
          </button>
          <button type="button" onClick={onClose}>
            {t.close}
          </button>
        </p>
      </form>
    </section>
  );
}
