// Names for the shapes of the API. They are read out of the generated OpenAPI types, so a change
// of src/http/openapi.json that the dashboard does not follow fails the type check.
import type { components, paths } from '../generated/api';

type Answer<
    P extends keyof paths,
    M extends keyof paths[P],
    S extends number = 200,
> = paths[P][M] extends { responses: { [K in S]: { content: { 'application/json': infer T } } } }
    ? T
    : never;

export type Stats = Answer<'/v1/stats', 'get'>;
export type Training = Stats['training'];
export type Recommendation = Answer<'/v1/recommend', 'get'>;
export type RecommendedItem = Recommendation['items'][number];
export type Reason = components['schemas']['Reason'];
export type History = Answer<'/v1/events', 'get'>;
export type HistoryEvent = History['events'][number];
export type DecisionList = Answer<'/v1/decisions', 'get'>;
export type DecisionSummary = DecisionList['decisions'][number];
export type Decision = Answer<'/v1/decisions/{id}', 'get'>;
export type Users = Answer<'/v1/users', 'get'>;
export type Models = Answer<'/v1/models', 'get'>;
export type Model = Models['models'][number];
export type Report = components['schemas']['Report'];
export type Evaluation = Report['evaluation'][number];
export type Runs = Answer<'/v1/runs', 'get'>;
export type Run = Runs['runs'][number];
export type RunCurves = Answer<'/v1/runs/{id}', 'get'>;
export type Kinds = Answer<'/v1/kinds', 'get'>;
type InsightMembers = components['schemas']['InsightQuery'];
/** Members with a default may be left out, which the generated type does not say. */
export type InsightQuery = Pick<InsightMembers, 'report'> & Partial<InsightMembers>;
export type SavedReport = Answer<'/v1/reports/{id}', 'get'>;
export type LiveEvent = components['schemas']['LiveEvent'];
export type ReportList = Answer<'/v1/reports', 'get'>;
export type InsightTable = Answer<'/v1/insights/query', 'post'>;
export type AuditLog = Answer<'/v1/audit', 'get'>;
export type AuditEntry = AuditLog['entries'][number];
export type Receipt = components['schemas']['Receipt'];
export type Erasures = Answer<'/v1/privacy/requests', 'get'>;
export type Erasure = Erasures['requests'][number];
export type Stored = Answer<'/v1/events', 'post'>;
export type Card = components['schemas']['Card'];
export type ForecastCard = components['schemas']['ForecastCard'];
export type ForecastLive = Answer<'/v1/forecast/{model}/live', 'get'>;
export type Forecasts = Answer<'/v1/forecast/{model}', 'post'>;
export type ModelCard = Answer<'/v1/models/{model}/card', 'get'>;
export type PredictQuality = components['schemas']['PredictQuality'];
export type Attribution = components['schemas']['Attribution'];
export type Predictors = Answer<'/v1/predict', 'get'>;
export type PredictSchema = Answer<'/v1/predict/{model}/schema', 'get'>;
export type PredictColumn = PredictSchema['columns'][number];
export type PredictLive = Answer<'/v1/predict/{model}/live', 'get'>;
export type Predictions = Answer<'/v1/predict/{model}', 'post'>;
export type Prediction = Predictions['rows'][number];
export type ShownReport = Answer<'/v1/recommend/report', 'get'>;
export type ShownSurface = ShownReport['surfaces'][number];
export type ShownOwner = ShownSurface['sellers'][number];
export type ShownRate = ShownSurface['answers'];
export type Surfaces = Answer<'/v1/recommend/surfaces', 'get'>;
export type Surface = Surfaces['surfaces'][number];
export type SurfacePolicy = Surface['policy'];
export type SurfacePreview = Answer<'/v1/recommend/preview', 'post'>;
export type SurfaceItem = SurfacePreview['items'][number];
export type SurfaceCause = SurfaceItem['why'][number];
export type ItemView = Answer<'/v1/items/{id}', 'get'>;

/** What a run of the recommender wrote of itself; a prediction has a card instead. */
export function reportOf(model: Model): Report | null {
    return model.report && 'evaluation' in model.report ? model.report : null;
}
